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
mod replies;

pub use message::{Message, REASON_HEADER, SOURCE_HEADER};

use std::{convert::Infallible, future::pending, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::Instant;

use crate::metrics;

/// How often a message is delivered again before it becomes a dead letter. RabbitMQ 4's default,
/// set explicitly because 3.x has none
/// (<https://www.rabbitmq.com/docs/quorum-queues#poison-message-handling>).
pub const DELIVERY_LIMIT: u32 = 20;

/// The queues of Rollcall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Queue {
    /// Submissions for the lead service; the public door (contract section 5).
    Submitted,
    /// Large submissions, on a lane of their own: see [`Lane`].
    SubmittedBulk,
    /// Parts of big submissions, on a lane of their own too.
    SubmittedBackground,
    /// Resolved submissions for the campaign service.
    Resolved,
    /// Large ones.
    ResolvedBulk,
    /// Parts of big ones.
    ResolvedBackground,
    /// Messages that nobody could work on, with the reason in [`REASON_HEADER`].
    DeadLetters,
    /// Look-ups and changes for the lead service; transient.
    LeadRequests,
    /// Look-ups and changes for the campaign service; transient.
    CampaignRequests,
}

impl Queue {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Submitted,
        Self::SubmittedBulk,
        Self::SubmittedBackground,
        Self::Resolved,
        Self::ResolvedBulk,
        Self::ResolvedBackground,
        Self::DeadLetters,
        Self::LeadRequests,
        Self::CampaignRequests,
    ];

    /// The queue's name, which is its routing key too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Submitted => "leads.submitted",
            Self::SubmittedBulk => "leads.submitted.bulk",
            Self::SubmittedBackground => "leads.submitted.background",
            Self::Resolved => "leads.resolved",
            Self::ResolvedBulk => "leads.resolved.bulk",
            Self::ResolvedBackground => "leads.resolved.background",
            Self::DeadLetters => "leads.dead-letters",
            Self::LeadRequests => "lead.requests",
            Self::CampaignRequests => "campaign.requests",
        }
    }

    /// Whether messages survive a restart of the broker.
    pub fn durable(self) -> bool {
        match self {
            Self::Submitted
            | Self::SubmittedBulk
            | Self::SubmittedBackground
            | Self::Resolved
            | Self::ResolvedBulk
            | Self::ResolvedBackground
            | Self::DeadLetters => true,
            Self::LeadRequests | Self::CampaignRequests => false,
        }
    }

    /// Whether a reply to this address would land in one of our own queues. Such a `reply_to` is
    /// refused: the services may write anywhere, their callers may not (contract section 5).
    pub fn is_own(address: &str) -> bool {
        Self::ALL.iter().any(|queue| queue.name() == address)
    }
}

/// The ways through the pipeline, each with its queues and workers, so that single rows do not
/// wait behind thousands, and nobody who waits for an answer behind what nobody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Submissions of few leads; the public door (contract section 5).
    Rows,
    /// Submissions of many.
    Bulk,
    /// Parts of big submissions, which the gateway has accepted and works off.
    Background,
}

impl Lane {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rows, Self::Bulk, Self::Background];

    /// The lane's name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Bulk => "bulk",
            Self::Background => "background",
        }
    }

    /// The lane of a submission with so many leads, whose caller waits.
    pub fn of(leads: usize) -> Self {
        /// As many as a batch of single rows under load.
        const ROWS: usize = 100;
        if leads <= ROWS { Self::Rows } else { Self::Bulk }
    }

    /// Where the lane begins.
    pub fn submitted(self) -> Queue {
        match self {
            Self::Rows => Queue::Submitted,
            Self::Bulk => Queue::SubmittedBulk,
            Self::Background => Queue::SubmittedBackground,
        }
    }

    /// Where the campaign service takes it up.
    pub fn resolved(self) -> Queue {
        match self {
            Self::Rows => Queue::Resolved,
            Self::Bulk => Queue::ResolvedBulk,
            Self::Background => Queue::ResolvedBackground,
        }
    }

    /// How many of a service's workers the lane gets, where each of the others gets so many.
    pub fn workers(self, workers: usize) -> usize {
        match self {
            Self::Rows | Self::Bulk => workers,
            Self::Background => 1,
        }
    }
}

/// Why the bus could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// The broker is not reached, or refuses for now.
    #[error("the message broker is unavailable: {0}")]
    Unavailable(String),
    /// The deadline passed; what was asked may still happen.
    #[error("no answer from the message broker in time")]
    Timeout,
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

    /// Sends a reply to the address that a message carried. Whether anybody still waits is not known.
    ///
    /// # Errors
    /// [`BusError`] as for [`Bus::publish`].
    async fn reply(
        &self,
        request: &Message,
        body: Bytes,
        deadline: Instant,
    ) -> Result<(), BusError>;

    /// Publishes a message and waits for its reply. Where the connection is lost in between, the
    /// message is published again: receivers answer a repeated message as they did the first time.
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

/// The deadline that many seconds from now.
pub fn within(duration: Duration) -> Instant {
    Instant::now() + duration
}
