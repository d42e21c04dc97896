//! Looking through a queue, message by message, for the tools of who runs Rollcall.

use std::time::Duration;

use futures_util::TryFutureExt;
use lapin::{
    Channel,
    options::{BasicAckOptions, BasicGetOptions},
};
use tokio::time::{Instant, timeout};

use super::{
    super::{BusError, Message, Queue},
    RabbitBus, convert, usable_link,
};

/// How long the broker may take for one message.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Holds the messages that it has shown until it is dropped; then those that were not removed are
/// back in the queue, in their old order.
pub struct Browser {
    queue: Queue,
    channel: Channel,
    /// How many of the messages that were there at first are left to show. Later ones do not count:
    /// what is replayed may come back at once, and looking would never end.
    left: Option<u32>,
}

/// A message in the hands of a [`Browser`].
pub struct Shown {
    /// The message.
    pub message: Message,
    tag: u64,
}

impl RabbitBus {
    /// Begins to look through a queue.
    ///
    /// # Errors
    /// When the broker is not reached in time.
    pub async fn browse(&self, queue: Queue, deadline: Instant) -> Result<Browser, BusError> {
        let link = usable_link(&self.state, deadline).await?;
        Ok(Browser { queue, channel: in_time(link.consuming_channel()).await?, left: None })
    }
}

impl Browser {
    /// The next of the messages that were there at first, oldest first; `None` after the last.
    ///
    /// # Errors
    /// When the broker is lost.
    pub async fn next(&mut self) -> Result<Option<Shown>, BusError> {
        if self.left == Some(0) {
            return Ok(None);
        }
        let options = BasicGetOptions::default();
        let got = in_time(self.channel.basic_get(self.queue.name().into(), options)).await?;
        Ok(got.map(|got| {
            self.left = Some(self.left.map_or(got.message_count, |left| left - 1));
            let delivery = got.delivery;
            Shown { tag: delivery.delivery_tag, message: convert::message_on(self.queue, delivery) }
        }))
    }

    /// Removes a message from the queue.
    ///
    /// # Errors
    /// When the broker is lost; the message may then still be there.
    pub async fn remove(&mut self, shown: Shown) -> Result<(), BusError> {
        in_time(self.channel.basic_ack(shown.tag, BasicAckOptions::default())).await
    }

    /// Gives the other messages back.
    ///
    /// # Errors
    /// When the broker is lost, which gives them back too.
    pub async fn close(self) -> Result<(), BusError> {
        in_time(self.channel.close(200, "OK".into())).await
    }
}

async fn in_time<T>(asked: impl Future<Output = lapin::Result<T>>) -> Result<T, BusError> {
    let asked = asked.map_err(|error| BusError::Unavailable(error.to_string()));
    timeout(TIMEOUT, asked).await.unwrap_or(Err(BusError::Timeout))
}
