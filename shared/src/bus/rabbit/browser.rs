//! Looking through a queue of the broker.

use async_trait::async_trait;
use lapin::{
    Channel,
    options::{BasicAckOptions, BasicGetOptions, BasicNackOptions},
};
use tokio_util::sync::CancellationToken;

use super::{
    super::{Browser, BusError, Message, Queue, Shown},
    bounded::step,
    convert,
    wire::Wire,
};

/// AMQP's code for a close without an error.
const REPLY_SUCCESS: u16 = 200;

/// Fetches message by message and acknowledges only what is removed.
///
/// On a connection of its own: among dead letters there may be some whose properties are no text, on
/// which our client library gives its connection up.
pub(super) struct RabbitBrowser {
    queue: Queue,
    wire: Wire,
    channel: Channel,
    /// The first message that comes and how many are behind it; fetched ahead to be counted.
    first: Option<(Message, u64)>,
    left: u32,
}

impl RabbitBrowser {
    /// Begins to look through a queue on a connection of its own.
    ///
    /// # Errors
    /// When the broker does not answer in time.
    pub(super) async fn open(wire: Wire, queue: Queue) -> Result<Self, BusError> {
        let channel = wire.channel(&CancellationToken::new()).await?;
        let mut browser = Self { queue, wire, channel, first: None, left: 0 };
        if let Some((message, tag, behind)) = browser.fetch().await? {
            browser.first = Some((message, tag));
            browser.left = behind + 1;
        }
        Ok(browser)
    }

    /// The next message with its tag, and how many are behind it.
    async fn fetch(&mut self) -> Result<Option<(Message, u64, u32)>, BusError> {
        let options = BasicGetOptions::default();
        let got = self.channel.basic_get(self.queue.name().into(), options);
        let got = step("fetching a message", &CancellationToken::new(), got).await?;
        Ok(got.map(|got| {
            let (tag, behind) = (got.delivery.delivery_tag, got.message_count);
            (convert::message_on(self.queue, got.delivery), tag, behind)
        }))
    }
}

#[async_trait]
impl Browser for RabbitBrowser {
    async fn next(&mut self) -> Result<Option<Shown>, BusError> {
        if self.left == 0 {
            return Ok(None);
        }
        let next = match self.first.take() {
            Some(first) => Some(first),
            None => self.fetch().await?.map(|(message, tag, _)| (message, tag)),
        };
        self.left = if next.is_some() { self.left - 1 } else { 0 };
        Ok(next.map(|(message, tag)| Shown { message, tag }))
    }

    fn left(&self) -> u32 {
        self.left
    }

    async fn remove(&mut self, shown: Shown) -> Result<(), BusError> {
        let removed = self.channel.basic_ack(shown.tag, BasicAckOptions::default());
        Ok(step("removing a message", &CancellationToken::new(), removed).await?)
    }

    async fn close(self: Box<Self>) -> Result<(), BusError> {
        // All that was not acknowledged, told before the end: who looks next finds it in its place.
        let again = BasicNackOptions { multiple: true, requeue: true };
        let never = CancellationToken::new();
        step("giving messages back", &never, self.channel.basic_nack(0, again)).await?;
        let closing = self.channel.close(REPLY_SUCCESS, "OK".into());
        step("closing the channel", &never, closing).await?;
        self.wire.close().await;
        Ok(())
    }
}
