//! The exchange and queues on the broker (contract section 5).

use lapin::{
    Channel, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions},
    types::{AMQPValue, FieldTable},
};

use super::super::{DELIVERY_LIMIT, Queue};

/// Where submissions are published.
pub const EXCHANGE: &str = "leads";

/// Looking at a dead letter and giving it back counts as a delivery. RabbitMQ 4 would drop it after
/// the default of 20; -1, for no limit, is unknown to 3.x.
const LOOKS_AT_DEAD_LETTERS: u32 = 1_000_000_000;

/// Declares the exchange.
pub(super) async fn declare_exchange(channel: &Channel) -> lapin::Result<()> {
    let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
    channel
        .exchange_declare(EXCHANGE.into(), ExchangeKind::Topic, options, FieldTable::default())
        .await
}

/// Declares a queue and binds it. Does nothing where it is there already, and fails where it is
/// declared differently.
pub(super) async fn declare(channel: &Channel, queue: Queue) -> lapin::Result<()> {
    channel
        .queue_declare(queue.name().into(), QueueDeclareOptions::durable(), arguments(queue))
        .await?;
    if queue.durable() {
        let (name, key) = (queue.name().into(), queue.name().into());
        let (options, arguments) = (QueueBindOptions::default(), FieldTable::default());
        channel.queue_bind(name, EXCHANGE.into(), key, options, arguments).await?;
    }
    Ok(())
}

/// How much waits in a queue, and who takes from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Messages that nobody has taken yet.
    pub messages: u32,
    /// How many consumers there are.
    pub consumers: u32,
}

/// Asks about a queue without declaring it
/// (<https://www.rabbitmq.com/docs/queues#passive-declaration>). The broker closes the channel where
/// there is no such queue.
pub(super) async fn depth(channel: &Channel, queue: Queue) -> lapin::Result<Depth> {
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
    let name = queue.name().into();
    let declared = channel.queue_declare(name, options, FieldTable::default()).await?;
    Ok(Depth { messages: declared.message_count(), consumers: declared.consumer_count() })
}

/// Deletes a queue that is empty and that nobody consumes; the broker closes the channel otherwise.
pub(super) async fn delete_if_unused(channel: &Channel, queue: Queue) -> lapin::Result<()> {
    let options = QueueDeleteOptions { if_unused: true, if_empty: true, ..Default::default() };
    channel.queue_delete(queue.name().into(), options).await.map(drop)
}

/// All are quorum queues: a classic queue is lost for as long as the one node is away that it lives on
/// (<https://www.rabbitmq.com/docs/quorum-queues>).
fn arguments(queue: Queue) -> FieldTable {
    let mut arguments = FieldTable::default();
    let text = |value: &str| AMQPValue::LongString(value.into());
    arguments.insert("x-queue-type".into(), text("quorum"));
    let limit = if queue == Queue::DeadLetters { LOOKS_AT_DEAD_LETTERS } else { DELIVERY_LIMIT };
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(limit as i32));
    // A request that nobody can answer is dropped in the end: its caller was told so long before.
    if queue.durable() && queue != Queue::DeadLetters {
        arguments.insert("x-dead-letter-exchange".into(), text(EXCHANGE));
        arguments.insert("x-dead-letter-routing-key".into(), text(Queue::DeadLetters.name()));
        // Without these two, a dead letter can be lost on its way.
        arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
        arguments.insert("x-overflow".into(), text("reject-publish"));
    }
    arguments
}
