//! Consuming a queue, across the loss of links.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt};
use lapin::{
    Channel, Consumer,
    message::Delivery,
    options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions},
    types::FieldTable,
};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::{
    super::{Batch, BatchLimit, BusError, Queue, Settle, Subscription},
    State, convert, usable_link,
};

/// How long to wait before another attempt to consume on a link that is up.
const PAUSE: Duration = Duration::from_millis(500);
/// Waiting for a link has no deadline of its own; this only bounds one turn of the loop.
const TURN: Duration = Duration::from_secs(60);

/// A subscription with a channel of its own, so that one acknowledgement settles a whole batch.
pub(super) struct RabbitSubscription {
    state: watch::Receiver<State>,
    queue: Queue,
    limit: BatchLimit,
    consuming: Option<Consuming>,
    /// On its way to consuming, in a task of its own: broken off half way, it would leave a consumer
    /// behind that holds messages nobody reads.
    opening: Option<JoinHandle<Result<Consuming, String>>>,
    /// Takes one message alone. The broker counts a lost connection against every message that was
    /// under way on it, so whatever may cost the next one must be alone when its count is full.
    careful: bool,
}

struct Consuming {
    channel: Channel,
    consumer: Consumer,
}

impl RabbitSubscription {
    pub(super) fn new(state: watch::Receiver<State>, queue: Queue, limit: BatchLimit) -> Self {
        Self { state, queue, limit, consuming: None, opening: None, careful: true }
    }

    /// Waits until it consumes. Given up and called again, it goes on where it was.
    async fn open(&mut self) -> Result<Consuming, String> {
        let (state, queue) = (self.state.clone(), self.queue);
        let ahead = if self.careful { 1 } else { self.limit.messages };
        let opening =
            self.opening.get_or_insert_with(|| tokio::spawn(consume(state, queue, ahead)));
        let opened = opening.await;
        self.opening = None;
        opened.unwrap_or_else(|error| Err(error.to_string()))
    }

    /// Closes the channel, which gives everything on it back to the queue.
    fn give_up(&mut self) {
        if let Some(Consuming { channel, .. }) = self.consuming.take() {
            tokio::spawn(async move { channel.close(200, "OK".into()).await });
        }
    }

    /// Waits for a delivery and drains what arrived with it. `None` when the consumer has ended.
    async fn drain(&mut self) -> Option<Vec<Delivery>> {
        let consumer = &mut self.consuming.as_mut()?.consumer;
        let first = consumer.next().await?.ok()?;
        let mut bytes = first.data.len();
        let mut deliveries = vec![first];
        while deliveries.len() < usize::from(self.limit.messages) && bytes < self.limit.bytes {
            match consumer.next().now_or_never() {
                Some(Some(Ok(delivery))) => {
                    bytes += delivery.data.len();
                    deliveries.push(delivery);
                }
                // Nothing there, or the consumer has ended, which the next turn will notice.
                Some(Some(Err(_)) | None) | None => break,
            }
        }
        Some(deliveries)
    }
}

/// Consumes on the next usable link. A fresh channel each time: RabbitMQ 3.10.8 fails when a quorum
/// queue's consumer is cancelled and registered again on the same one (#5927).
async fn consume(
    state: watch::Receiver<State>,
    queue: Queue,
    ahead: u16,
) -> Result<Consuming, String> {
    let link = usable_link(&state, Instant::now() + TURN).await.map_err(|e| e.to_string())?;
    let opened = async {
        let channel = link.consuming_channel().await?;
        channel.basic_qos(ahead, BasicQosOptions::default()).await?;
        let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
        let consumer =
            channel.basic_consume(queue.name().into(), "".into(), options, arguments).await?;
        Ok(Consuming { channel, consumer })
    };
    opened.await.map_err(|error: lapin::Error| error.to_string())
}

#[async_trait]
impl Subscription for RabbitSubscription {
    async fn next_batch(&mut self) -> Batch<'_> {
        let deliveries = loop {
            if self.consuming.is_none() {
                match self.open().await {
                    Ok(consuming) => self.consuming = Some(consuming),
                    Err(error) => {
                        tracing::warn!(%error, queue = self.queue.name(), "cannot consume");
                        sleep(PAUSE).await;
                        continue;
                    }
                }
            }
            match self.drain().await {
                Some(deliveries) => break deliveries,
                None => {
                    self.consuming = None;
                    self.careful = true;
                }
            }
        };
        let last_tag = deliveries.iter().map(|delivery| delivery.delivery_tag).max().unwrap_or(0);
        let messages = deliveries
            .into_iter()
            .map(|delivery| convert::message_on(self.queue, delivery))
            .collect();
        Batch::new(self.queue, messages, Unsettled { subscription: self, last_tag, settled: false })
    }
}

struct Unsettled<'a> {
    subscription: &'a mut RabbitSubscription,
    last_tag: u64,
    settled: bool,
}

#[async_trait]
impl Settle for Unsettled<'_> {
    async fn ack(&mut self) -> Result<(), BusError> {
        let unavailable = |reason: String| BusError::Unavailable(reason);
        let Some(consuming) = &self.subscription.consuming else {
            return Err(unavailable("not connected".to_owned()));
        };
        let Consuming { channel, consumer } = consuming;
        // Everything up to the tag: earlier batches of this channel are settled already.
        let options = BasicAckOptions { multiple: true };
        let acked = async {
            // The consumer goes first, or the next message would come in vain, and out of order.
            if self.subscription.careful {
                channel.basic_cancel(consumer.tag(), BasicCancelOptions::default()).await?;
            }
            channel.basic_ack(self.last_tag, options).await
        };
        acked.await.map_err(|error: lapin::Error| unavailable(error.to_string()))?;
        self.settled = true;
        if self.subscription.careful {
            self.subscription.careful = false;
            self.subscription.give_up();
        }
        Ok(())
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
