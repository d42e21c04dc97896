//! Consuming a queue, across the loss of links.

use std::{convert::Infallible, future::pending, time::Duration};

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
    time::{Instant, sleep, sleep_until, timeout_at},
};

use super::{
    super::{Batch, BatchLimit, BusError, Queue, Settle, Subscription},
    State, convert, usable_link,
};

/// How long to wait before another attempt to consume on a link that is up.
const PAUSE: Duration = Duration::from_millis(500);
/// Waiting for a link has no deadline of its own; this only bounds one turn of the loop.
const TURN: Duration = Duration::from_secs(60);

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
    opening: Option<JoinHandle<Result<Consuming, String>>>,
    /// Takes one message alone. The broker counts a lost connection against every message that was
    /// under way on it, so whatever may cost the next one must be alone when its count is full.
    careful: bool,
}

struct Consuming {
    channel: Channel,
    consumer: Consumer,
    due: Option<Due>,
}

/// An acknowledgement that waits.
#[derive(Clone, Copy)]
struct Due {
    /// Of everything up to here.
    tag: u64,
    messages: u16,
    at: Instant,
}

impl Consuming {
    /// Waits for a delivery, and meanwhile sends the acknowledgement that is due. `None` when the
    /// consumer has ended.
    async fn next(&mut self) -> Option<Delivery> {
        loop {
            let Some(due) = self.due else { return self.consumer.next().await?.ok() };
            if due.at > Instant::now()
                && let Ok(next) = timeout_at(due.at, self.consumer.next()).await
            {
                return next?.ok();
            }
            self.flush().await;
        }
    }

    /// Sends the acknowledgement that waits. Where that fails, so does the channel.
    async fn flush(&mut self) {
        if let Some(due) = self.due
            && let Err(error) = self.ack(due.tag).await
        {
            tracing::warn!(%error, messages = due.messages, "what is done will be delivered again");
        }
    }

    /// Acknowledges everything up to the tag.
    async fn ack(&mut self, tag: u64) -> lapin::Result<()> {
        // What is due is within it; sent twice, it would close the channel.
        self.due = None;
        self.channel.basic_ack(tag, BasicAckOptions { multiple: true }).await
    }
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

    /// Closes the channel, which gives everything on it back to the queue that is not done.
    fn give_up(&mut self) {
        let Some(mut consuming) = self.consuming.take() else { return };
        let mut closing = Box::pin(async move {
            consuming.flush().await;
            consuming.channel.close(200, "OK".into()).await
        });
        // Polled once here, so that the acknowledgement is on its way before anything else is.
        if (&mut closing).now_or_never().is_none() {
            tokio::spawn(closing);
        }
    }

    /// Waits for a delivery and drains what arrived with it. `None` when the consumer has ended.
    async fn drain(&mut self) -> Option<Vec<Delivery>> {
        let consuming = self.consuming.as_mut()?;
        let first = consuming.next().await?;
        let mut bytes = first.data.len();
        let mut deliveries = vec![first];
        while deliveries.len() < usize::from(self.limit.messages) && bytes < self.limit.bytes {
            match consuming.consumer.next().now_or_never() {
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
        Ok(Consuming { channel, consumer, due: None })
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
        let unsettled = Unsettled { subscription: self, last_tag, count, settled: false };
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
    settled: bool,
}

#[async_trait]
impl Settle for Unsettled<'_> {
    async fn ack(&mut self) -> Result<(), BusError> {
        let (careful, last_tag) = (self.subscription.careful, self.last_tag);
        let consuming = self.consuming()?;
        // The consumer goes first, or the next message would come in vain, and out of order.
        if careful {
            let (channel, tag) = (&consuming.channel, consuming.consumer.tag());
            channel.basic_cancel(tag, BasicCancelOptions::default()).await.map_err(unavailable)?;
        }
        // Everything up to the tag: earlier batches of this channel are done already.
        consuming.ack(last_tag).await.map_err(unavailable)?;
        self.settled = true;
        if careful {
            self.subscription.careful = false;
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

fn unavailable(error: lapin::Error) -> BusError {
    BusError::Unavailable(error.to_string())
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
