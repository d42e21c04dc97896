//! Looking through a queue of the broker.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::TryFutureExt;
use lapin::{
    Channel, Connection, ConnectionProperties,
    options::{BasicAckOptions, BasicGetOptions, BasicNackOptions},
    uri::AMQPUri,
};
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    super::{Browser, BusError, Message, Queue, Shown},
    convert,
};

/// How long the broker may take for one message.
const TIMEOUT: Duration = Duration::from_secs(10);
/// AMQP's code for a close without an error.
const REPLY_SUCCESS: u16 = 200;

/// Fetches message by message and acknowledges only what is removed.
///
/// On a connection of its own: among dead letters there may be some whose properties are no text, on
/// which our client library gives its connection up.
pub(super) struct RabbitBrowser {
    queue: Queue,
    connection: Connection,
    channel: Channel,
    /// The first message that comes and how many are behind it; fetched ahead to be counted.
    first: Option<(Message, u64)>,
    left: u32,
}

impl RabbitBrowser {
    /// Connects.
    ///
    /// # Errors
    /// When the broker is not reached in time.
    pub(super) async fn open(
        uri: AMQPUri,
        properties: ConnectionProperties,
        queue: Queue,
        deadline: Instant,
    ) -> Result<Self, BusError> {
        let opened = async {
            let connection = Connection::connect_uri(uri, properties).await?;
            let channel = connection.create_channel().await?;
            Ok((connection, channel))
        };
        let opened: lapin::Result<_> =
            timeout_at(deadline, opened).await.map_err(|_| BusError::Timeout)?;
        let (connection, channel) = opened.map_err(unavailable)?;
        let mut browser = Self { queue, connection, channel, first: None, left: 0 };
        if let Some((message, tag, behind)) = browser.fetch().await? {
            browser.first = Some((message, tag));
            browser.left = behind + 1;
        }
        Ok(browser)
    }

    /// The next message with its tag, and how many are behind it.
    async fn fetch(&mut self) -> Result<Option<(Message, u64, u32)>, BusError> {
        let options = BasicGetOptions::default();
        let got = in_time(self.channel.basic_get(self.queue.name().into(), options)).await?;
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
        in_time(self.channel.basic_ack(shown.tag, BasicAckOptions::default())).await
    }

    async fn close(self: Box<Self>) -> Result<(), BusError> {
        // All that was not acknowledged, told before the end: who looks next finds it in its place.
        let again = BasicNackOptions { multiple: true, requeue: true };
        in_time(self.channel.basic_nack(0, again)).await?;
        in_time(self.channel.close(REPLY_SUCCESS, "OK".into())).await?;
        in_time(self.connection.close(REPLY_SUCCESS, "OK".into())).await
    }
}

fn unavailable(error: lapin::Error) -> BusError {
    BusError::Unavailable(error.to_string())
}

async fn in_time<T>(asked: impl Future<Output = lapin::Result<T>>) -> Result<T, BusError> {
    timeout(TIMEOUT, asked.map_err(unavailable)).await.unwrap_or(Err(BusError::Timeout))
}
