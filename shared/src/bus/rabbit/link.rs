//! One set of connections to the broker, from opening to loss.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{Stream, StreamExt, stream};
use lapin::{
    Channel, Confirmation, Connection, ConnectionProperties, Event,
    options::{
        BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
    },
    types::FieldTable,
    uri::AMQPUri,
};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    super::{BusError, Message, Queue, replies::Replies},
    convert::{self, Target},
    topology,
};
use crate::crash;

/// How long closing in good order may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// AMQP's code for a close without an error.
const REPLY_SUCCESS: u16 = 200;

/// Two connections, because under a memory or disk alarm the broker stops reading from one that
/// publishes, and acknowledgements must still get through
/// (<https://www.rabbitmq.com/docs/alarms#effects-on-clients>).
pub(super) struct Link {
    publishing: Connection,
    consuming: Connection,
    publisher: Channel,
    reply_queue: String,
    blocked: Blocked,
    lost: CancellationToken,
}

/// Why a message was not published on this link.
pub(super) enum PublishError {
    /// The link is lost; the next one may take it.
    LinkLost,
    /// The broker is there and refuses.
    Refused(BusError),
}

impl Link {
    /// Connects, declares the topology and starts to receive replies.
    pub(super) async fn open(
        uri: &AMQPUri,
        properties: impl Fn() -> ConnectionProperties,
        replies: Replies,
    ) -> lapin::Result<Self> {
        let publishing = Connection::connect_uri(uri.clone(), properties()).await?;
        let consuming = Connection::connect_uri(uri.clone(), properties()).await?;
        let events = (publishing.events_listener(), consuming.events_listener());

        let publisher = publishing.create_channel().await?;
        topology::declare(&publisher).await?;
        publisher.confirm_select(ConfirmSelectOptions::default()).await?;

        let lost = CancellationToken::new();
        let reply_queue = receive_replies(&consuming, replies, lost.clone()).await?;
        let blocked = Arc::default();
        tokio::spawn(watch(stream::select(events.0, events.1), Arc::clone(&blocked), lost.clone()));
        Ok(Self { publishing, consuming, publisher, reply_queue, blocked, lost })
    }

    /// Publishes and awaits the confirm.
    pub(super) async fn publish(
        &self,
        target: Target<'_>,
        message: &Message,
        deadline: Instant,
    ) -> Result<(), PublishError> {
        // https://www.rabbitmq.com/docs/publishers#mandatory
        let options = BasicPublishOptions { mandatory: target.mandatory(), ..Default::default() };
        let properties = convert::properties(target, message, deadline);
        let confirmation = async {
            let (exchange, key) = (target.exchange(), target.routing_key());
            let confirm = self
                .publisher
                .basic_publish(exchange, key, options, &message.body, properties)
                .await?;
            crash::point("bus::published");
            confirm.await
        };
        let refused =
            |reason: &str| PublishError::Refused(BusError::Unavailable(reason.to_owned()));
        match confirmation.await {
            Ok(Confirmation::Ack(None)) => Ok(()),
            // Confirmed and handed back: no queue took it. The next link declares what is missing.
            Ok(Confirmation::Ack(Some(_))) => {
                self.lose();
                Err(refused("the message could not be routed"))
            }
            Ok(Confirmation::Nack(_)) => Err(refused("the broker refused the message")),
            Ok(Confirmation::NotRequested) => Err(refused("the broker does not confirm")),
            Err(error) => {
                tracing::warn!(%error, "could not publish");
                self.lose();
                Err(PublishError::LinkLost)
            }
        }
    }

    /// A channel to consume on.
    pub(super) async fn consuming_channel(&self) -> lapin::Result<Channel> {
        self.consuming.create_channel().await
    }

    /// How many messages wait in a queue. On a channel of its own, which the broker closes where
    /// there is no such queue.
    pub(super) async fn depth(&self, queue: Queue) -> lapin::Result<u32> {
        let channel = self.consuming.create_channel().await?;
        let depth = topology::depth(&channel, queue).await?;
        channel.close(REPLY_SUCCESS, "OK".into()).await?;
        Ok(depth)
    }

    /// Where replies to this link's requests arrive.
    pub(super) fn reply_queue(&self) -> &str {
        &self.reply_queue
    }

    /// Why the broker takes no messages just now, if so
    /// (<https://www.rabbitmq.com/docs/connection-blocked>).
    pub(super) fn blocked(&self) -> Option<String> {
        lock(&self.blocked).clone()
    }

    /// Gives the link up.
    pub(super) fn lose(&self) {
        self.lost.cancel();
    }

    /// Whether the link has been given up.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.is_cancelled()
    }

    /// Returns when the link has been given up.
    pub(super) async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// Closes both connections, in good order where that is still possible.
    pub(super) async fn close(&self) {
        self.lose();
        for connection in [&self.publishing, &self.consuming] {
            let closing = connection.close(REPLY_SUCCESS, "OK".into());
            // A connection that is lost already cannot be closed; there is nothing to add to that.
            let _ = timeout(CLOSE_TIMEOUT, closing).await;
        }
    }
}

type Blocked = Arc<Mutex<Option<String>>>;

fn lock(blocked: &Blocked) -> MutexGuard<'_, Option<String>> {
    blocked.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Follows what the broker says of the connections, until the link is lost.
async fn watch(
    mut events: impl Stream<Item = Event> + Send + Unpin,
    blocked: Blocked,
    lost: CancellationToken,
) {
    loop {
        let event = tokio::select! {
            () = lost.cancelled() => return,
            event = events.next() => event,
        };
        match event {
            Some(Event::ConnectionBlocked(reason)) => {
                tracing::warn!(%reason, "the message broker takes no messages");
                *lock(&blocked) = Some(reason);
            }
            Some(Event::ConnectionUnblocked) => {
                tracing::info!("the message broker takes messages again");
                *lock(&blocked) = None;
            }
            Some(Event::Error(error)) => {
                tracing::warn!(%error, "lost the message broker");
                lost.cancel();
            }
            None => lost.cancel(),
            Some(_) => {}
        }
    }
}

/// Consumes a queue of this link's own. A fresh name each time, so that no reply to a request of
/// an earlier link is mistaken for one of this.
async fn receive_replies(
    connection: &Connection,
    replies: Replies,
    lost: CancellationToken,
) -> lapin::Result<String> {
    let channel = connection.create_channel().await?;
    let name = format!("reply.{}", Uuid::new_v4());
    let options = QueueDeclareOptions::exclusive().auto_delete();
    channel.queue_declare(name.as_str().into(), options, FieldTable::default()).await?;
    // Without acks: as many replies can be under way as calls wait, and those are bounded.
    let options = BasicConsumeOptions { no_ack: true, exclusive: true, ..Default::default() };
    let mut consumer = channel
        .basic_consume(name.as_str().into(), "replies".into(), options, FieldTable::default())
        .await?;
    tokio::spawn(async move {
        // Held so that the channel stays open.
        let _channel = channel;
        while let Some(Ok(delivery)) = consumer.next().await {
            let reply = convert::message(delivery);
            if let Some(id) = &reply.correlation_id {
                replies.deliver(id, reply.body);
            }
        }
        lost.cancel();
    });
    Ok(name)
}
