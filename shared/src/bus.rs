//! The message bus between gateway and services: one small interface with two implementations.
//!
//! * [`rabbit`]: RabbitMQ, for production.
//! * [`memory`]: channels within one process, for `rollcall up` without a broker.
//!
//! Both give the same guarantees, held to the same tests (`shared/tests/bus`): a published
//! message is delivered at least once; a batch that is not acknowledged is delivered again; a
//! message that still fails after [`DELIVERY_LIMIT`] redeliveries becomes a dead letter; a call gets
//! one reply or an error by its deadline. Order everywhere: commit, publish and await the confirm,
//! ack.

pub mod memory;
pub mod rabbit;

mod message;
mod queue;
mod replies;

pub use message::{Message, REASON_HEADER, SOURCE_HEADER};
pub use queue::{DELIVERY_LIMIT, Lane, Queue};

use std::{convert::Infallible, future::pending, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::Instant;

use crate::metrics;

/// Why the bus could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// The broker is not reached, or refuses for now.
    #[error("the message broker is unavailable: {0}")]
    Unavailable(String),
    /// The deadline passed; what was asked may still happen.
    #[error("no answer from the message broker in time")]
    Timeout,
    /// The broker refuses this very message, as one above its size limit. Publishing it again is in vain.
    #[error("the message broker refuses the message: {0}")]
    Rejected(String),
}

/// Whether the bus can be used just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Connected and accepting messages.
    Ready,
    /// Not connected, or the broker takes no messages (`connection.blocked`), with the reason.
    Unavailable(String),
}

/// How much one batch may hold.
#[derive(Clone, Copy, Debug)]
pub struct BatchLimit {
    /// The most messages; also the most that are fetched ahead.
    pub messages: u16,
    /// Once the bodies reach this many bytes, no further message joins.
    pub bytes: usize,
}

/// A message bus.
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// Publishes and returns when the broker has taken responsibility for the message. While the
    /// broker is away or takes no messages, this waits for it.
    ///
    /// # Errors
    /// [`BusError`]; after a timeout the message may have been published all the same.
    async fn publish(
        &self,
        queue: Queue,
        message: Message,
        deadline: Instant,
    ) -> Result<(), BusError>;

    /// Sends a reply to the address that a message carried, as a best effort: a reply that the broker does
    /// not take within some seconds is given up and counted. Nobody waits for it but its receiver, who asks
    /// again. Returns once the reply is on its way.
    ///
    /// # Errors
    /// [`BusError`] when the bus is closed.
    async fn reply(
        &self,
        request: &Message,
        body: Bytes,
        deadline: Instant,
    ) -> Result<(), BusError>;

    /// Publishes a message and waits for its reply. Where the connection is lost in between, or no reply
    /// comes for much longer than usual, the message is published again: receivers answer a repeated message
    /// as they did the first time.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] when it could not be published in time, and at once while the
    /// broker takes no messages; [`BusError::Timeout`] when no reply came.
    async fn call(
        &self,
        queue: Queue,
        request: Message,
        deadline: Instant,
    ) -> Result<Bytes, BusError>;

    /// Starts to consume a queue; with several subscriptions each message goes to one of them.
    /// Survives the loss of the broker.
    fn subscribe(&self, queue: Queue, limit: BatchLimit) -> Box<dyn Subscription>;

    /// Begins to look through a queue, for who runs Rollcall.
    ///
    /// # Errors
    /// [`BusError`] when the broker is not reached in time.
    async fn browse(&self, queue: Queue, deadline: Instant) -> Result<Box<dyn Browser>, BusError>;

    /// How many messages wait in a queue, without those that are being worked on.
    ///
    /// # Errors
    /// [`BusError`] when the broker does not say in time.
    async fn depth(&self, queue: Queue, deadline: Instant) -> Result<u32, BusError>;

    /// Whether the bus can be used just now.
    fn status(&self) -> Status;

    /// Ends connections in good order. Subscriptions must have been dropped before.
    async fn close(&self);
}

/// A bus shared by the parts of a service.
pub type SharedBus = Arc<dyn Bus>;

/// A stream of batches from one queue.
#[async_trait]
pub trait Subscription: Send {
    /// Waits for a message and takes with it what else is there, never waiting for more.
    /// Cancel-safe. A batch must be settled before the next is taken, which the borrow ensures.
    async fn next_batch(&mut self) -> Batch<'_>;

    /// Sends the acknowledgement that [`Batch::ack_soon`] has put off. To be called at the end, or what it
    /// is for may be delivered again.
    async fn flush(&mut self) {}
}

/// Looks through a queue, message by message. It holds what it has shown, so that nobody else gets it,
/// until it is closed or dropped; then all that was not removed is back in the queue: in its old order,
/// if all was shown.
#[async_trait]
pub trait Browser: Send {
    /// The next of the messages that were there at first, oldest first; `None` after the last. Later
    /// ones do not count: what is replayed may come back at once, and looking would never end.
    ///
    /// # Errors
    /// When the broker is lost.
    async fn next(&mut self) -> Result<Option<Shown>, BusError>;

    /// How many of those are left to show.
    fn left(&self) -> u32;

    /// Removes a message from the queue.
    ///
    /// # Errors
    /// When the broker is lost; the message may then still be there.
    async fn remove(&mut self, shown: Shown) -> Result<(), BusError>;

    /// Gives the other messages back.
    ///
    /// # Errors
    /// When the broker is lost, which gives them back too.
    async fn close(self: Box<Self>) -> Result<(), BusError>;
}

/// A message in the hands of a [`Browser`].
pub struct Shown {
    /// The message.
    pub message: Message,
    /// What the browser knows it by.
    tag: u64,
}

/// Messages that were delivered together. Dropped without [`Batch::ack`] or [`Batch::ack_soon`], they are
/// delivered again.
pub struct Batch<'a> {
    messages: Vec<Message>,
    settle: Box<dyn Settle + 'a>,
}

#[async_trait]
trait Settle: Send {
    /// Acknowledges the whole batch.
    async fn ack(&mut self) -> Result<(), BusError>;

    /// Acknowledges it at once or, where that is cheaper, together with later ones.
    async fn ack_soon(&mut self) -> Result<(), BusError> {
        self.ack().await
    }

    /// Sends what was put off before once it is due, and never ends.
    async fn send_due(&mut self) -> Infallible {
        pending().await
    }
}

impl<'a> Batch<'a> {
    fn new(queue: Queue, messages: Vec<Message>, settle: impl Settle + 'a) -> Self {
        let again = messages.iter().filter(|message| message.redeliveries > 0).count();
        if again > 0 {
            metrics::redeliveries(queue).increment(again as u64);
        }
        Self { messages, settle: Box::new(settle) }
    }

    /// The messages, oldest first.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The messages, and what the bus does while they are worked on: to be polled beside the work, as it
    /// never ends.
    pub fn at_work(&mut self) -> (&[Message], impl Future<Output = Infallible> + Send) {
        (&self.messages, self.settle.send_due())
    }

    /// Tells the bus that the whole batch has been worked on.
    ///
    /// # Errors
    /// When the connection that delivered it is gone; the messages will be delivered again.
    pub async fn ack(mut self) -> Result<(), BusError> {
        self.settle.ack().await
    }

    /// Tells the bus so within some milliseconds, together with batches that follow meanwhile, as long as
    /// somebody waits for the next one or polls [`Batch::at_work`]. Until then the batch may be delivered
    /// again: for work of which a repetition does no harm.
    ///
    /// # Errors
    /// As for [`Batch::ack`].
    pub async fn ack_soon(mut self) -> Result<(), BusError> {
        self.settle.ack_soon().await
    }
}

/// The longest reason that is told, in characters.
const MAX_REASON: usize = 500;
/// Headers of the message that are kept, in bytes: all must fit one frame of AMQP.
const MAX_HEADERS: usize = 32 << 10;

/// Moves a message to the dead letters, with the reason.
///
/// # Errors
/// As for [`Bus::publish`]; the message must then not be acknowledged.
pub async fn dead_letter(
    bus: &dyn Bus,
    source: Queue,
    message: &Message,
    reason: &str,
    deadline: Instant,
) -> Result<(), BusError> {
    let mut letter = message.clone();
    let bytes: usize = letter.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > MAX_HEADERS {
        letter.headers.clear();
    }
    let reason: String = reason.chars().take(MAX_REASON).collect();
    let letter =
        letter.with_header(REASON_HEADER, &reason).with_header(SOURCE_HEADER, source.name());
    bus.publish(Queue::DeadLetters, letter, deadline).await?;
    metrics::dead_letters(source).increment(1);
    Ok(())
}

/// Returns when the bus could not be used for so long without a break.
pub async fn stays_away(bus: &dyn Bus, duration: Duration) {
    const LOOK: Duration = Duration::from_millis(100);
    let mut away_since = None;
    loop {
        let now = Instant::now();
        away_since = match bus.status() {
            Status::Ready => None,
            Status::Unavailable(_) => Some(away_since.unwrap_or(now)),
        };
        if away_since.is_some_and(|since| now >= since + duration) {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The deadline that many seconds from now.
pub fn within(duration: Duration) -> Instant {
    Instant::now() + duration
}
