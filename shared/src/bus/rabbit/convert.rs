//! Between our messages and AMQP's.

use lapin::{
    BasicProperties,
    message::Delivery,
    types::{AMQPValue, FieldTable, ShortString},
};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    super::{Message, Queue, REASON_HEADER, SOURCE_HEADER},
    topology::EXCHANGE,
};

/// AMQP delivery modes: <https://www.rabbitmq.com/docs/publishers#message-properties>.
const TRANSIENT: u8 = 1;
const PERSISTENT: u8 = 2;

/// How the addresses of gateways for replies begin.
pub(super) const REPLY_PREFIX: &str = "reply.";

/// Where a message goes.
#[derive(Clone, Copy)]
pub(super) enum Target<'a> {
    /// To one of our queues.
    Queue(Queue),
    /// To the queue that a requester named, through the default exchange.
    Reply(&'a str),
}

impl Target<'_> {
    pub(super) fn exchange(self) -> ShortString {
        match self {
            // Requests do not pass the exchange that other systems may write to.
            Self::Queue(queue) if queue.durable() => EXCHANGE.into(),
            Self::Queue(_) | Self::Reply(_) => "".into(),
        }
    }

    pub(super) fn routing_key(self) -> ShortString {
        match self {
            Self::Queue(queue) => queue.name().into(),
            Self::Reply(address) => short(address),
        }
    }

    /// Whether the broker must hand an unroutable message back. Not for replies: nobody waiting
    /// is normal, and before RabbitMQ 4.2 direct reply-to counts as unroutable.
    pub(super) fn mandatory(self) -> bool {
        matches!(self, Self::Queue(_))
    }
}

/// The AMQP properties of a message that nobody can use after `deadline`.
pub(super) fn properties(
    target: Target<'_>,
    message: &Message,
    deadline: Instant,
) -> BasicProperties {
    // A persistent reply costs nothing in a queue that is not durable itself.
    let transient = matches!(target, Target::Queue(queue) if !queue.durable());
    let mut properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_message_id(match &message.message_id {
            Some(id) => short(id),
            None => Uuid::now_v7().to_string().into(),
        })
        .with_delivery_mode(if transient { TRANSIENT } else { PERSISTENT });
    if transient {
        let left = deadline.saturating_duration_since(Instant::now());
        properties = properties.with_expiration(left.as_millis().to_string().into());
    }
    if let Some(address) = &message.reply_to {
        properties = properties.with_reply_to(short(address));
    }
    if let Some(id) = &message.correlation_id {
        properties = properties.with_correlation_id(short(id));
    }
    if !message.headers.is_empty() {
        let mut headers = FieldTable::default();
        for (name, value) in &message.headers {
            headers.insert(short(name), AMQPValue::LongString(value.as_str().into()));
        }
        properties = properties.with_headers(headers);
    }
    properties
}

/// What was delivered from one of our queues, as our own message. A copy explains nothing of itself
/// (<https://www.rabbitmq.com/docs/sender-selected>).
pub(super) fn message_on(queue: Queue, delivery: Delivery) -> Message {
    let is_copy = delivery.routing_key.as_str() != queue.name();
    let mut message = message(delivery);
    if is_copy {
        message.headers.clear();
    }
    Message { is_copy, ..message }
}

/// What was delivered, as our own message.
pub(super) fn message(delivery: Delivery) -> Message {
    let properties = &delivery.properties;
    let mut redeliveries = u32::from(delivery.redelivered);
    let mut headers = Vec::new();
    for (name, value) in properties.headers().iter().flat_map(FieldTable::inner) {
        match value {
            AMQPValue::LongString(text) => {
                headers.push((
                    name.to_string(),
                    String::from_utf8_lossy(text.as_bytes()).into_owned(),
                ));
            }
            // Counted by quorum queues from the second delivery on.
            value if name.as_str() == "x-delivery-count" => {
                redeliveries = integer(value).unwrap_or(redeliveries);
            }
            _ => {}
        }
    }
    let message = Message {
        reply_to: properties.reply_to().as_ref().map(ToString::to_string),
        message_id: properties.message_id().as_ref().map(ToString::to_string),
        correlation_id: properties.correlation_id().as_ref().map(ToString::to_string),
        headers,
        redeliveries,
        is_copy: false,
        body: delivery.data.into(),
    };
    explained(message)
}

/// Says in our own headers what the broker says of a message that it made a dead letter itself
/// (<https://www.rabbitmq.com/docs/dlx#effects>).
fn explained(message: Message) -> Message {
    let value = |name| message.header(name).map(str::to_owned);
    let ours = message.header(REASON_HEADER).is_some();
    match (value("x-first-death-reason"), value("x-first-death-queue")) {
        (Some(reason), Some(source)) if !ours => {
            message.with_header(REASON_HEADER, &reason).with_header(SOURCE_HEADER, &source)
        }
        _ => message,
    }
}

fn integer(value: &AMQPValue) -> Option<u32> {
    match *value {
        AMQPValue::LongLongInt(count) => count.try_into().ok(),
        AMQPValue::LongInt(count) => count.try_into().ok(),
        AMQPValue::LongUInt(count) => Some(count),
        AMQPValue::ShortInt(count) => count.try_into().ok(),
        AMQPValue::ShortShortInt(count) => count.try_into().ok(),
        AMQPValue::ShortShortUInt(count) => Some(count.into()),
        _ => None,
    }
}

/// AMQP's short strings hold 255 bytes. Names that came over AMQP fit; anything longer is nobody's
/// address, and an empty one says so without a panic.
fn short(text: &str) -> ShortString {
    ShortString::try_new(text).unwrap_or_default()
}
