//! The exchange and queues on the broker (contract section 5).

use lapin::{
    Channel, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};

use super::super::{DELIVERY_LIMIT, Queue};

/// Where submissions are published.
pub const EXCHANGE: &str = "leads";

/// Looking at a dead letter and giving it back counts as a delivery. RabbitMQ 4 would drop it after
/// the default of 20; -1, for no limit, is unknown to 3.x.
const LOOKS_AT_DEAD_LETTERS: u32 = 1_000_000_000;

/// Declares everything. Does nothing where it is there already, and fails where something of the
/// same name is declared differently, because then somebody's messages would go astray.
pub(super) async fn declare(channel: &Channel) -> lapin::Result<()> {
    let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
    channel
        .exchange_declare(EXCHANGE.into(), ExchangeKind::Topic, options, FieldTable::default())
        .await?;
    for queue in Queue::ALL {
        channel
            .queue_declare(queue.name().into(), QueueDeclareOptions::durable(), arguments(queue))
            .await?;
        if queue.durable() {
            let (name, key) = (queue.name().into(), queue.name().into());
            let (options, arguments) = (QueueBindOptions::default(), FieldTable::default());
            channel.queue_bind(name, EXCHANGE.into(), key, options, arguments).await?;
        }
    }
    Ok(())
}

/// How many messages wait in a queue.
pub(super) async fn depth(channel: &Channel, queue: Queue) -> lapin::Result<u32> {
    // Only asks: https://www.rabbitmq.com/docs/queues#passive-declaration
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
    let declared =
        channel.queue_declare(queue.name().into(), options, FieldTable::default()).await?;
    Ok(declared.message_count())
}

fn arguments(queue: Queue) -> FieldTable {
    let mut arguments = FieldTable::default();
    let text = |value: &str| AMQPValue::LongString(value.into());
    if !queue.durable() {
        // Durable all the same: RabbitMQ 4.3 refuses transient queues that are not exclusive.
        // The messages in it are transient and expire.
        arguments.insert("x-queue-type".into(), text("classic"));
        return arguments;
    }
    // https://www.rabbitmq.com/docs/quorum-queues
    arguments.insert("x-queue-type".into(), text("quorum"));
    let limit = if queue == Queue::DeadLetters { LOOKS_AT_DEAD_LETTERS } else { DELIVERY_LIMIT };
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(limit as i32));
    if queue != Queue::DeadLetters {
        arguments.insert("x-dead-letter-exchange".into(), text(EXCHANGE));
        arguments.insert("x-dead-letter-routing-key".into(), text(Queue::DeadLetters.name()));
        // Without these two, a dead letter can be lost on its way.
        arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
        arguments.insert("x-overflow".into(), text("reject-publish"));
    }
    arguments
}
