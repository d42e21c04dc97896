//! Publishing on a link: channels, attempts, and what an answer of the broker means.

use std::time::Duration;

use lapin::{
    Channel, Confirmation, ErrorKind,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    protocol::{AMQPErrorKind, AMQPSoftError},
};
use tokio::{
    sync::{Mutex, watch},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    super::{BusError, Message},
    bounded::{StepError, step},
    convert::{self, Target},
    wire::Wire,
};
use crate::crash;

/// Bodies above this size travel on a channel of their own: a message that the broker refuses for its
/// size closes its channel, with everything else on it.
const LARGE: usize = 1 << 20;

/// Why the broker takes no messages just now (`connection.blocked`), if so.
pub(super) type Blocked = watch::Receiver<Option<String>>;

/// Why a message was not published by an attempt.
#[derive(Debug)]
pub(super) enum PublishError {
    /// The link is lost; the next one may take the message.
    LinkLost,
    /// The broker did not take it. Another channel may have more luck: a channel remembers a queue's
    /// leader, even a lost one.
    TryAgain(BusError),
    /// No queue took it.
    Unroutable,
    /// The broker refuses this very message.
    Rejected(BusError),
}

/// The channel of a link that messages of one kind are published on. After a failure, the next message
/// gets a new channel.
pub(super) struct Publisher {
    current: Mutex<Option<Channel>>,
}

/// What an attempt needs to know of its link.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    pub(super) wire: &'a Wire,
    pub(super) lost: &'a CancellationToken,
    pub(super) blocked: &'a Blocked,
    /// How long the broker may take to confirm.
    pub(super) patience: Duration,
    /// The channel to use, if it has to be a certain one.
    pub(super) channel: Option<&'a Channel>,
    /// Whether to use a channel that no other message is on, so that its failure is the message's own.
    pub(super) alone: bool,
}

impl Publisher {
    pub(super) fn new() -> Self {
        Self { current: Mutex::new(None) }
    }

    /// Publishes and awaits the confirm.
    ///
    /// # Errors
    /// [`PublishError`]; after [`PublishError::TryAgain`] the message may have been published all the same.
    pub(super) async fn publish(
        &self,
        attempt: Attempt<'_>,
        target: Target<'_>,
        message: &Message,
        deadline: Instant,
    ) -> Result<(), PublishError> {
        let alone = attempt.alone || message.body.len() > LARGE;
        let channel = match self.channel(attempt, alone).await {
            Ok(channel) => channel,
            Err(StepError::Lost(_)) => return Err(PublishError::LinkLost),
            Err(error) => return Err(PublishError::TryAgain(error.into())),
        };
        let confirmed = tokio::select! {
            biased;
            confirmed = publish_on(&channel, target, message, deadline) => Some(confirmed),
            () = attempt.lost.cancelled() => return Err(PublishError::LinkLost),
            () = unanswered(attempt) => None,
        };
        let published = read(confirmed, attempt.wire, alone);
        if let Err(PublishError::TryAgain(_)) = &published {
            self.retire(&channel).await;
        }
        published
    }

    async fn channel(&self, attempt: Attempt<'_>, alone: bool) -> Result<Channel, StepError> {
        if let Some(channel) = attempt.channel {
            return Ok(channel.clone());
        }
        if alone {
            return open(attempt).await;
        }
        let mut current = self.current.lock().await;
        if let Some(channel) = &*current
            && channel.status().connected()
        {
            return Ok(channel.clone());
        }
        let channel = open(attempt).await?;
        *current = Some(channel.clone());
        Ok(channel)
    }

    /// Takes the channel out of use. It is closed when the last message on it is done.
    async fn retire(&self, channel: &Channel) {
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|current| current.id() == channel.id()) {
            *current = None;
        }
    }
}

async fn open(attempt: Attempt<'_>) -> Result<Channel, StepError> {
    let channel = attempt.wire.channel(attempt.lost).await?;
    let selected = channel.confirm_select(ConfirmSelectOptions::default());
    step("confirm.select", attempt.lost, selected).await?;
    Ok(channel)
}

async fn publish_on(
    channel: &Channel,
    target: Target<'_>,
    message: &Message,
    deadline: Instant,
) -> lapin::Result<Confirmation> {
    // https://www.rabbitmq.com/docs/publishers#mandatory
    let options = BasicPublishOptions { mandatory: target.mandatory(), ..Default::default() };
    let properties = convert::properties(target, message, deadline);
    let (exchange, key) = (target.exchange(), target.routing_key());
    let confirm = channel.basic_publish(exchange, key, options, &message.body, properties).await?;
    crash::point("bus::published");
    confirm.await
}

/// Returns when the broker has not answered for as long as the attempt may take. While the broker takes
/// no messages, it owes no answer, and a second copy would only wait behind the first.
async fn unanswered(attempt: Attempt<'_>) {
    let mut blocked = attempt.blocked.clone();
    loop {
        // An error means that the link is going, which ends the attempt elsewhere.
        if blocked.wait_for(Option::is_none).await.is_err() {
            std::future::pending::<()>().await;
        }
        sleep(attempt.patience).await;
        if blocked.borrow().is_none() {
            return;
        }
    }
}

/// What the broker's answer means; `None` where there was none in time.
fn read(
    confirmed: Option<lapin::Result<Confirmation>>,
    wire: &Wire,
    alone: bool,
) -> Result<(), PublishError> {
    let again = |reason: &str| PublishError::TryAgain(BusError::Unavailable(reason.to_owned()));
    match confirmed {
        Some(Ok(Confirmation::Ack(None))) => Ok(()),
        Some(Ok(Confirmation::Ack(Some(_)))) => Err(PublishError::Unroutable),
        Some(Ok(Confirmation::Nack(_))) => Err(again("the broker refused the message")),
        Some(Ok(Confirmation::NotRequested)) => Err(again("the broker does not confirm")),
        Some(Err(error)) => Err(failed(&error, wire, alone)),
        None => Err(again("the broker did not confirm the message in time")),
    }
}

fn failed(error: &lapin::Error, wire: &Wire, alone: bool) -> PublishError {
    let again = || PublishError::TryAgain(BusError::Unavailable(error.to_string()));
    match error.kind() {
        ErrorKind::ProtocolError(told) => match told.kind() {
            // RabbitMQ says so of a message above `max_message_size`.
            AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED) if alone => {
                PublishError::Rejected(BusError::Rejected(told.get_message().to_string()))
            }
            AMQPErrorKind::Soft(_) => again(),
            AMQPErrorKind::Hard(_) => PublishError::LinkLost,
        },
        // The channel was closed because of another message on it.
        _ if wire.connection().status().connected() => again(),
        _ => PublishError::LinkLost,
    }
}
