//! Noticing that a link is lost: by what the broker says, and by its silence.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{Stream, StreamExt};
use lapin::{Channel, Event, options::BasicQosOptions};
use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    bounded::{StepError, step_within},
    publisher::Blocked,
};

/// How often the broker is asked whether it is still there, and how long it may take to answer. A node
/// that is frozen, or behind a network that swallows packets, closes nothing.
const PROBE_INTERVAL: Duration = Duration::from_millis(500);
const PROBE_PATIENCE: Duration = Duration::from_secs(2);

/// Asks the broker something small again and again, and gives the link up when there is no answer.
pub(super) async fn probe(
    channel: Channel,
    blocked: Option<Blocked>,
    lost: CancellationToken,
    is_silent: Arc<AtomicBool>,
) {
    while lost.run_until_cancelled(sleep(PROBE_INTERVAL)).await.is_some() {
        let is_blocked = || blocked.as_ref().is_some_and(|blocked| blocked.borrow().is_some());
        // The broker reads nothing from a connection that it has blocked.
        if is_blocked() {
            continue;
        }
        let asked = channel.basic_qos(1, BasicQosOptions::default());
        match step_within(PROBE_PATIENCE, "probing", &lost, asked).await {
            Ok(()) => {}
            Err(StepError::Lost(_)) => return,
            Err(_) if is_blocked() => {}
            Err(error) => {
                tracing::warn!(%error, "RabbitMQ is silent");
                is_silent.store(matches!(error, StepError::Timeout(..)), Ordering::Relaxed);
                lost.cancel();
            }
        }
    }
}

/// Follows what the broker says of the connections, until the link is lost.
pub(super) async fn watch_events(
    mut events: impl Stream<Item = Event> + Send + Unpin,
    blocked: watch::Sender<Option<String>>,
    lost: CancellationToken,
) {
    while let Some(event) = lost.run_until_cancelled(events.next()).await {
        match event {
            Some(Event::ConnectionBlocked(reason)) => {
                tracing::warn!(%reason, "RabbitMQ takes no messages");
                blocked.send_replace(Some(reason));
            }
            Some(Event::ConnectionUnblocked) => {
                tracing::info!("RabbitMQ takes messages again");
                blocked.send_replace(None);
            }
            // Of a channel: whoever uses the channel is told.
            Some(Event::Error(error)) if error.is_amqp_soft_error() => {}
            Some(Event::Error(error)) => {
                tracing::warn!(%error, "lost the connection to RabbitMQ");
                lost.cancel();
            }
            None => lost.cancel(),
            Some(_) => {}
        }
    }
    // Whoever waits for the end of a block waits for another link now.
    lost.cancelled().await;
}
