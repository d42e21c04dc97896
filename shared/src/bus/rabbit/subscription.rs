//! Consuming a queue, across the loss of links.

use std::{convert::Infallible, future::pending, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::FutureExt;
use lapin::message::Delivery;
use metrics::counter;
use tokio::{
    sync::{Mutex, OwnedMutexGuard, watch},
    task::JoinHandle,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{
    super::{Batch, BatchLimit, BusError, Message, Queue, Settle, Subscription},
    State,
    bounded::StepError,
    consuming::{Consuming, Due, End},
    convert,
    supervisor::pauses,
};
use crate::metrics::BUS_SUBSCRIPTIONS_REBUILT;

/// How long to wait until a queue of an earlier release is looked for again.
const LEGACY_PAUSE: Duration = Duration::from_secs(10);

/// How long a careful subscription is waited for.
const TURN: Duration = Duration::from_secs(3);

/// How long an acknowledgement may wait for others. To a quorum queue each is a command that goes to the
/// log and is flushed to the disk, like a message; so one for several messages saves the broker much of
/// its work, and the next message does not wait behind it.
const ACK_DELAY: Duration = Duration::from_millis(50);
/// Of the messages that may be under way, one in so many may wait to be acknowledged: if all did, none
/// could follow.
const ACK_SHARE: u16 = 8;

/// A subscription with a channel of its own, so that one acknowledgement settles a whole batch.
pub(super) struct RabbitSubscription {
    state: watch::Receiver<State>,
    queue: Queue,
    limit: BatchLimit,
    consuming: Option<Consuming>,
    /// On its way to consuming, in a task of its own: broken off half way, it would leave a consumer
    /// behind that holds messages nobody reads.
    opening: Option<JoinHandle<Result<Consuming, StepError>>>,
    /// Takes one message after the other, each alone, until one comes that was never delivered before. The
    /// broker counts a lost connection against every message that was under way on it, so that a message
    /// which ends the process would take its neighbours along.
    careful: bool,
    /// Of the process's subscriptions of a queue, one at a time is careful, and the others wait for it
    /// a while.
    gate: Arc<Mutex<()>>,
    turn: Option<OwnedMutexGuard<()>>,
    /// Before further attempts to consume on a link that is up.
    pauses: Pauses,
}

type Pauses = Box<dyn Iterator<Item = Duration> + Send>;

impl RabbitSubscription {
    pub(super) fn new(
        state: watch::Receiver<State>,
        queue: Queue,
        limit: BatchLimit,
        gate: Arc<Mutex<()>>,
    ) -> Self {
        Self {
            state,
            queue,
            limit,
            consuming: None,
            opening: None,
            careful: true,
            gate,
            turn: None,
            pauses: Box::new(pauses()),
        }
    }

    /// Waits until it consumes. Given up and called again, it goes on where it was.
    async fn open(&mut self) -> Result<Consuming, StepError> {
        if self.careful && self.turn.is_none() {
            // Whatever takes longer does not end the process.
            self.turn = timeout(TURN, Arc::clone(&self.gate).lock_owned()).await.ok();
        }
        let (state, queue) = (self.state.clone(), self.queue);
        let ahead = if self.careful { 1 } else { self.limit.messages };
        let opening =
            self.opening.get_or_insert_with(|| tokio::spawn(Consuming::open(state, queue, ahead)));
        let opened = opening.await;
        self.opening = None;
        // A panic in it is one of this task, which ends the process.
        opened.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }

    /// Says that it could not consume, and waits.
    async fn failed(&mut self, error: &StepError) {
        if self.queue.is_legacy() {
            // The usual case: there is none.
            tracing::debug!(%error, queue = self.queue.name(), "no queue of an earlier release");
            return sleep(LEGACY_PAUSE).await;
        }
        // A lost connection is told and counted elsewhere.
        if !matches!(error, StepError::Lost(_)) {
            tracing::warn!(%error, queue = self.queue.name(), "cannot consume; trying again");
            self.count_rebuilt();
        }
        sleep(self.pauses.next().unwrap_or_default()).await;
    }

    fn count_rebuilt(&self) {
        counter!(BUS_SUBSCRIPTIONS_REBUILT, "queue" => self.queue.name()).increment(1);
    }

    /// Closes the channel, which gives everything on it back to the queue that is not done.
    fn give_up(&mut self) {
        let Some(consuming) = self.consuming.take() else { return };
        let mut closing = Box::pin(consuming.close());
        // Polled once here, so that the acknowledgement is on its way before anything else is.
        if (&mut closing).now_or_never().is_none() {
            tokio::spawn(closing);
        }
    }

    /// Waits for a delivery and drains what arrived with it.
    async fn drain(&mut self) -> Result<Vec<Delivery>, End> {
        let Some(consuming) = &mut self.consuming else { return Err(End::Lost) };
        let first = consuming.next().await?;
        let mut bytes = first.data.len();
        let mut deliveries = vec![first];
        while deliveries.len() < usize::from(self.limit.messages)
            && bytes < self.limit.bytes
            && let Some(delivery) = consuming.next_at_once()
        {
            bytes += delivery.data.len();
            deliveries.push(delivery);
        }
        Ok(deliveries)
    }
}

#[async_trait]
impl Subscription for RabbitSubscription {
    async fn next_batch(&mut self) -> Batch<'_> {
        let deliveries = loop {
            if self.consuming.is_none() {
                match self.open().await {
                    Ok(consuming) => {
                        self.consuming = Some(consuming);
                        self.pauses = Box::new(pauses());
                    }
                    Err(error) => {
                        self.failed(&error).await;
                        continue;
                    }
                }
            }
            match self.drain().await {
                Ok(deliveries) => break deliveries,
                Err(End::Replace) => self.give_up(),
                Err(end) => {
                    if let End::Forgotten = end {
                        tracing::warn!(
                            queue = self.queue.name(),
                            "RabbitMQ knows no consumer; consuming again"
                        );
                        self.count_rebuilt();
                    }
                    self.give_up();
                    self.careful = true;
                }
            }
        };
        let count = u16::try_from(deliveries.len()).unwrap_or(u16::MAX);
        let last_tag = deliveries.iter().map(|delivery| delivery.delivery_tag).max().unwrap_or(0);
        let messages = deliveries
            .into_iter()
            .map(|delivery| convert::message_on(self.queue, delivery))
            .collect();
        let queue = self.queue;
        let messages: Vec<Message> = messages;
        let again = messages.iter().any(|message| message.redeliveries > 0);
        let unsettled = Unsettled { subscription: self, last_tag, count, again, settled: false };
        Batch::new(queue, messages, unsettled)
    }

    async fn flush(&mut self) {
        if let Some(consuming) = &mut self.consuming {
            consuming.flush().await;
        }
    }
}

struct Unsettled<'a> {
    subscription: &'a mut RabbitSubscription,
    last_tag: u64,
    count: u16,
    /// Whether a message of it was delivered before.
    again: bool,
    settled: bool,
}

#[async_trait]
impl Settle for Unsettled<'_> {
    async fn ack(&mut self) -> Result<(), BusError> {
        let last_tag = self.last_tag;
        let careful_no_more = self.subscription.careful && !self.again;
        let consuming = self.consuming()?;
        // The consumer goes first, or the next message would come in vain, and out of order.
        if careful_no_more {
            consuming.cancel().await?;
        }
        // Everything up to the tag: earlier batches of this channel are done already.
        consuming.ack(last_tag).await?;
        self.settled = true;
        if careful_no_more {
            self.subscription.careful = false;
            self.subscription.turn = None;
            self.subscription.give_up();
        }
        Ok(())
    }

    async fn ack_soon(&mut self) -> Result<(), BusError> {
        let most = self.subscription.limit.messages / ACK_SHARE;
        let (careful, tag, count) = (self.subscription.careful, self.last_tag, self.count);
        let consuming = self.consuming()?;
        let (earlier, at) = match consuming.due {
            Some(due) => (due.messages, due.at),
            None => (0, Instant::now() + ACK_DELAY),
        };
        let messages = earlier.saturating_add(count);
        if careful || messages > most {
            return self.ack().await;
        }
        consuming.due = Some(Due { tag, messages, at });
        self.settled = true;
        Ok(())
    }

    async fn send_due(&mut self) -> Infallible {
        if let Ok(consuming) = self.consuming()
            && let Some(due) = consuming.due
        {
            sleep_until(due.at).await;
            consuming.flush().await;
        }
        pending().await
    }
}

impl Unsettled<'_> {
    fn consuming(&mut self) -> Result<&mut Consuming, BusError> {
        let gone = || BusError::Unavailable("not connected".to_owned());
        self.subscription.consuming.as_mut().ok_or_else(gone)
    }
}

impl Drop for Unsettled<'_> {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        self.subscription.careful = true;
        self.subscription.give_up();
    }
}
