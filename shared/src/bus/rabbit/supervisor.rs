//! Keeps a link to the broker up.

use std::{sync::Arc, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder};
use lapin::ConnectionProperties;
use metrics::counter;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    super::{BusError, replies::Replies},
    State,
    addresses::Addresses,
    link::{Link, LinkPast},
    wire::Wire,
};
use crate::metrics::BUS_CONNECTS;

/// How long one of several nodes may take to answer, before the next one is tried.
const FIRST_PATIENCE: Duration = Duration::from_secs(2);
/// How long a node may take, where there is no other, or none has answered.
const LONGEST_PATIENCE: Duration = Duration::from_secs(10);
/// How long opening a link may take beside connecting: it declares queues.
const OPENING: Duration = Duration::from_secs(15);
/// How long RabbitMQ may still know the consumers of a node that went silent: its `net_ticktime` is a
/// minute, and it notices within five quarters of it.
const SILENT_CONSUMERS: Duration = Duration::from_secs(150);
/// How long a bus that is closed waits for the end of its connections.
const CLOSING: Duration = Duration::from_secs(3);

/// Keeps a link up.
pub(super) struct Supervisor {
    pub(super) addresses: Addresses,
    pub(super) properties: ConnectionProperties,
    pub(super) replies: Replies,
    pub(super) state: watch::Sender<State>,
    pub(super) stop: CancellationToken,
}

/// What earlier links say of the next.
#[derive(Default)]
struct Past {
    /// The node that was lost last: the others are tried first.
    node: Option<String>,
    /// When a node went silent.
    silence: Option<Instant>,
    /// Rounds in which no node has answered.
    failures: u32,
    /// Whether a link has declared the queues.
    is_declared: bool,
}

impl Supervisor {
    /// Connects, and connects again after each loss, until the bus is closed.
    pub(super) async fn run(self) {
        let stop = self.stop.clone();
        let mut past = Past::default();
        let mut pauses = pauses();
        while let Some(opened) = stop.run_until_cancelled(Box::pin(self.open(&past))).await {
            let reason = match opened {
                Ok(link) => {
                    tracing::info!(node = link.node(), "connected to RabbitMQ");
                    counter!(BUS_CONNECTS).increment(1);
                    pauses = self::pauses();
                    past.failures = 0;
                    self.follow(Arc::new(link), &mut past).await
                }
                Err(reason) => {
                    past.failures += 1;
                    reason
                }
            };
            if stop.is_cancelled() {
                break;
            }
            let pause = pauses.next().unwrap_or_default();
            let pause_ms = pause.as_millis() as u64;
            tracing::warn!("{reason}; trying again in {pause_ms} ms");
            self.state.send_replace(State::Down(reason));
            stop.run_until_cancelled(sleep(pause)).await;
        }
    }

    /// Serves a link until it is lost, and says why it is down.
    async fn follow(&self, link: Arc<Link>, past: &mut Past) -> String {
        self.state.send_replace(State::Up(Arc::clone(&link)));
        tokio::select! {
            () = self.stop.cancelled() => {
                // A broker that does not answer must not hold up the end of the process.
                let _ = timeout(CLOSING, link.close()).await;
            }
            () = link.lost().cancelled() => {}
        }
        let reason = format!("lost the connection to RabbitMQ at {}", link.node());
        past.node = Some(link.node().to_owned());
        past.is_declared = true;
        if link.is_silent() {
            past.silence = Some(Instant::now());
        }
        // The next link does not wait for the end of this one.
        tokio::spawn(async move { link.close().await });
        reason
    }

    /// Opens a link to one of the nodes.
    async fn open(&self, past: &Past) -> Result<Link, String> {
        let patience = match self.addresses.len() {
            1 => LONGEST_PATIENCE,
            _ => (FIRST_PATIENCE * 2_u32.saturating_pow(past.failures)).min(LONGEST_PATIENCE),
        };
        let preferred_until = past.silence.map(|silence| silence + SILENT_CONSUMERS);
        let told = LinkPast { preferred_until, is_declared: past.is_declared };
        let mut failures = Vec::new();
        for uri in self.addresses.shuffled(past.node.as_deref()) {
            let replies = self.replies.clone();
            let opening = Link::open(&uri, || self.properties.clone(), replies, patience, told);
            match timeout(patience + OPENING, opening).await {
                Ok(Ok(link)) => return Ok(link),
                Ok(Err(reason)) => failures.push(reason),
                Err(_) => failures.push("opening channels took too long".to_owned()),
            }
        }
        Err(failures.join("; "))
    }
}

/// Connects to the first node that answers, for a short use.
///
/// # Errors
/// When none does.
pub(super) async fn connect_to_any(
    addresses: &Addresses,
    properties: impl Fn() -> ConnectionProperties,
) -> Result<Wire, BusError> {
    let patience = if addresses.len() == 1 { LONGEST_PATIENCE } else { FIRST_PATIENCE };
    let mut failures = Vec::new();
    for uri in addresses.shuffled(None) {
        match Wire::connect(&uri, properties(), patience).await {
            Ok(wire) => return Ok(wire),
            Err(reason) => failures.push(reason),
        }
    }
    Err(BusError::Unavailable(failures.join("; ")))
}

/// 0.1 s to 5 s: the jitter adds up to as much again, so that a fleet does not come back in one wave.
pub(super) fn pauses() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_millis(2_500))
        .with_jitter()
        .without_max_times()
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_stay_below_five_seconds() {
        for _ in 0..100 {
            assert!(pauses().take(20).all(|pause| pause <= Duration::from_secs(5)));
        }
    }
}
