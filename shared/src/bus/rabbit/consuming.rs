//! One consumer of a queue, on a channel of its own.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, StreamExt};
use lapin::{
    Channel, Consumer, ErrorKind,
    message::Delivery,
    options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions},
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::{AMQPValue, FieldTable},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use super::{
    super::Queue,
    State,
    bounded::{StepError, step},
    link::Link,
    topology, usable_link,
};

/// Waiting for a link has no deadline of its own; this only bounds one turn of the loop.
const TURN: Duration = Duration::from_secs(60);
/// How often the broker is asked whether it knows the consumer of a queue from which nothing comes. Twice
/// no, and it is set up anew.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// How long a queue of an earlier release must have been silent before it is deleted.
const LEGACY_SILENCE: Duration = Duration::from_secs(600);
/// AMQP's code for a close without an error.
const REPLY_SUCCESS: u16 = 200;

/// A consumer and its channel.
pub(super) struct Consuming {
    link: Arc<Link>,
    queue: Queue,
    channel: Channel,
    consumer: Consumer,
    /// When its priority over other consumers ends, if it has one.
    preferred_until: Option<Instant>,
    pub(super) due: Option<Due>,
}

/// An acknowledgement that waits.
#[derive(Clone, Copy)]
pub(super) struct Due {
    /// Of everything up to here.
    pub(super) tag: u64,
    pub(super) messages: u16,
    pub(super) at: Instant,
}

/// Why a consumer brings no more.
pub(super) enum End {
    /// It has ended, or its link.
    Lost,
    /// The broker has forgotten it, without a word.
    Forgotten,
    /// It is to be replaced by one like it.
    Replace,
}

impl Consuming {
    /// Consumes on the next usable link. A fresh channel each time: RabbitMQ 3.10.8 fails when a quorum
    /// queue's consumer is cancelled and registered again on the same one (#5927).
    ///
    /// # Errors
    /// When the broker refuses or does not answer.
    pub(super) async fn open(
        state: watch::Receiver<State>,
        queue: Queue,
        ahead: u16,
    ) -> Result<Self, StepError> {
        let link = usable_link(&state, Instant::now() + TURN).await;
        let link = link.map_err(|_| StepError::Lost("waiting for a connection"))?;
        match Self::open_on(&link, queue, ahead).await {
            Err(error) if is_missing(&error) && !queue.is_legacy() => {
                link.declare(queue).await;
                Self::open_on(&link, queue, ahead).await
            }
            opened => opened,
        }
    }

    async fn open_on(link: &Arc<Link>, queue: Queue, ahead: u16) -> Result<Self, StepError> {
        let channel = link.consuming_channel().await?;
        let limited = channel.basic_qos(ahead, BasicQosOptions::default());
        step("basic.qos", link.lost(), limited).await?;
        let (priority, preferred_until) = link.consumer_priority().unzip();
        let mut arguments = FieldTable::default();
        if let Some(priority) = priority {
            arguments.insert("x-priority".into(), AMQPValue::LongInt(priority));
        }
        let options = BasicConsumeOptions::default();
        let consumer = channel.basic_consume(queue.name().into(), "".into(), options, arguments);
        let consumer = step("basic.consume", link.lost(), consumer).await?;
        let link = Arc::clone(link);
        Ok(Self { link, queue, channel, consumer, preferred_until, due: None })
    }

    /// Waits for a delivery, and meanwhile sends the acknowledgement that is due. Cancel-safe.
    ///
    /// # Errors
    /// When the consumer brings no more.
    pub(super) async fn next(&mut self) -> Result<Delivery, End> {
        let mut silent_checks = 0;
        let opened_at = Instant::now();
        loop {
            let due = self.due.map(|due| due.at);
            let at = |at: Option<Instant>| async move {
                match at {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let link = Arc::clone(&self.link);
            let queue = self.queue;
            let check = async {
                sleep(CHECK_INTERVAL).await;
                // Where the broker does not say, nothing is known.
                link.depth(queue).await.map_or(1, |depth| depth.consumers)
            };
            tokio::select! {
                biased;
                delivery = self.consumer.next() => {
                    return delivery.and_then(Result::ok).ok_or(End::Lost);
                }
                () = self.link.lost().cancelled() => return Err(End::Lost),
                () = at(due) => self.flush().await,
                () = at(self.preferred_until) => return Err(End::Replace),
                consumers = check => {
                    silent_checks = if consumers == 0 { silent_checks + 1 } else { 0 };
                    if silent_checks == 2 {
                        return Err(End::Forgotten);
                    }
                    if self.queue.is_legacy() && opened_at.elapsed() > LEGACY_SILENCE {
                        self.retire_queue().await;
                    }
                }
            }
        }
    }

    /// What has arrived already, if anything.
    pub(super) fn next_at_once(&mut self) -> Option<Delivery> {
        // The end of the consumer will be noticed by the next turn.
        self.consumer.next().now_or_never().flatten().and_then(Result::ok)
    }

    /// Sends the acknowledgement that waits. Where that fails, so does the channel.
    pub(super) async fn flush(&mut self) {
        if let Some(due) = self.due
            && let Err(error) = self.ack(due.tag).await
        {
            tracing::warn!(%error, messages = due.messages, "what is done will be delivered again");
        }
    }

    /// Acknowledges everything up to the tag.
    pub(super) async fn ack(&mut self, tag: u64) -> Result<(), StepError> {
        // What is due is within it; sent twice, it would close the channel.
        self.due = None;
        let acked = self.channel.basic_ack(tag, BasicAckOptions { multiple: true });
        step("basic.ack", self.link.lost(), acked).await
    }

    /// Ends the consumer; the channel stays open for acknowledgements.
    pub(super) async fn cancel(&self) -> Result<(), StepError> {
        let options = BasicCancelOptions::default();
        let cancelled = self.channel.basic_cancel(self.consumer.tag(), options);
        step("basic.cancel", self.link.lost(), cancelled).await
    }

    /// Closes the channel, which gives everything on it back to the queue that is not done.
    pub(super) async fn close(mut self) {
        self.flush().await;
        let closing = self.channel.close(REPLY_SUCCESS, "OK".into());
        // Where it does not close, it ends with the link.
        let _ = step("closing the channel", self.link.lost(), closing).await;
    }

    /// Deletes the queue, which only earlier releases published to. If one still does, it declares it
    /// again, and it is consumed again.
    async fn retire_queue(&self) {
        let retired = async {
            self.cancel().await?;
            let channel = self.link.consuming_channel().await?;
            let deleted = topology::delete_if_unused(&channel, self.queue);
            step("deleting a queue", self.link.lost(), deleted).await
        };
        match retired.await {
            Ok(()) => {
                tracing::info!(queue = self.queue.name(), "deleted a queue of an earlier release")
            }
            // Another replica consumes it still, and deletes it in the end.
            Err(error) => {
                tracing::debug!(%error, queue = self.queue.name(), "a queue was not deleted")
            }
        }
    }
}

/// Whether the broker said that there is no such queue.
fn is_missing(error: &StepError) -> bool {
    matches!(error, StepError::Refused(_, error) if matches!(error.kind(), ErrorKind::ProtocolError(told)
        if matches!(told.kind(), AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND))))
}
