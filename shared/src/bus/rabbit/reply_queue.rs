//! Receiving replies to a link's requests.

use futures_util::StreamExt;
use lapin::{
    options::{BasicConsumeOptions, QueueDeclareOptions},
    types::FieldTable,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    super::replies::Replies,
    bounded::{StepError, spawn_critical, step},
    convert,
    wire::Wire,
};

/// Consumes a queue of this link's own. A fresh name each time, so that no reply to a request of
/// an earlier link is mistaken for one of this.
pub(super) async fn receive_replies(
    wire: &Wire,
    replies: Replies,
    lost: CancellationToken,
) -> Result<String, StepError> {
    let channel = wire.channel(&lost).await?;
    let name = format!("{}{}", convert::REPLY_PREFIX, Uuid::new_v4());
    let options = QueueDeclareOptions::exclusive().auto_delete();
    let declared = channel.queue_declare(name.as_str().into(), options, FieldTable::default());
    step("declaring the queue for replies", &lost, declared).await?;
    // Without acks: as many replies can be under way as calls wait, and those are bounded.
    let options = BasicConsumeOptions { no_ack: true, exclusive: true, ..Default::default() };
    let consumer = channel.basic_consume(
        name.as_str().into(),
        "replies".into(),
        options,
        FieldTable::default(),
    );
    let mut consumer = step("consuming replies", &lost, consumer).await?;
    spawn_critical("bus replies", async move {
        // Held so that the channel stays open.
        let _channel = channel;
        while let Some(Some(Ok(delivery))) = lost.run_until_cancelled(consumer.next()).await {
            let reply = convert::message(delivery);
            if let Some(id) = &reply.correlation_id {
                replies.deliver(id, reply.body);
            }
        }
        lost.cancel();
    });
    Ok(name)
}
