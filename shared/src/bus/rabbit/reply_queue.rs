//! Receiving replies to a link's requests.

use std::time::Duration;

use futures_util::StreamExt;
use lapin::{
    Channel, Consumer,
    options::{BasicConsumeOptions, ConfirmSelectOptions, QueueDeclareOptions},
    types::FieldTable,
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    super::replies::Replies,
    bounded::{StepError, spawn_critical, step, step_within},
    convert,
    wire::Wire,
};

/// How long the broker may take to make a queue. While a node of a cluster is frozen, it makes none.
const DECLARING: Duration = Duration::from_secs(1);
/// RabbitMQ's address for replies without a queue (<https://www.rabbitmq.com/docs/direct-reply-to>).
const DIRECT: &str = "amq.rabbitmq.reply-to";
/// How long a link that could make no queue is used, before another one tries.
const WITHOUT_QUEUE: Duration = Duration::from_secs(60);

/// Where replies to a link's requests arrive.
pub(super) struct ReplyQueue {
    /// What requests carry as `reply_to`.
    pub(super) address: String,
    /// The channel that requests must be published on, if it has to be a certain one.
    pub(super) channel: Option<Channel>,
}

impl ReplyQueue {
    /// Begins to receive, in a queue of the link's own or, where the broker makes none, without a queue.
    /// The vendor advises against the latter at a high rate.
    ///
    /// # Errors
    /// When neither is possible.
    pub(super) async fn open(
        publishing: &Wire,
        consuming: &Wire,
        replies: Replies,
        lost: CancellationToken,
    ) -> Result<Self, StepError> {
        match Self::with_queue(consuming, &replies, &lost).await {
            Err(StepError::Timeout(..)) => {}
            opened => return opened,
        }
        let channel = publishing.channel(&lost).await?;
        let selected = channel.confirm_select(ConfirmSelectOptions::default());
        step("confirm.select", &lost, selected).await?;
        let consumer = consume(&channel, DIRECT, false, &lost).await?;
        receive(channel.clone(), consumer, replies, lost.clone());
        spawn_critical("bus replies", async move {
            lost.run_until_cancelled(sleep(WITHOUT_QUEUE)).await;
            lost.cancel();
        });
        Ok(Self { address: DIRECT.to_owned(), channel: Some(channel) })
    }

    /// A fresh name each time, so that no reply to a request of an earlier link is mistaken for one of
    /// this.
    async fn with_queue(
        wire: &Wire,
        replies: &Replies,
        lost: &CancellationToken,
    ) -> Result<Self, StepError> {
        let channel = wire.channel(lost).await?;
        let address = format!("{}{}", convert::REPLY_PREFIX, Uuid::new_v4());
        let options = QueueDeclareOptions::exclusive().auto_delete();
        let declared =
            channel.queue_declare(address.as_str().into(), options, FieldTable::default());
        step_within(DECLARING, "declaring the queue for replies", lost, declared).await?;
        let consumer = consume(&channel, &address, true, lost).await?;
        receive(channel, consumer, replies.clone(), lost.clone());
        Ok(Self { address, channel: None })
    }
}

/// Without acknowledgements: as many replies can be under way as calls wait, and those are bounded.
async fn consume(
    channel: &Channel,
    queue: &str,
    exclusive: bool,
    lost: &CancellationToken,
) -> Result<Consumer, StepError> {
    let options = BasicConsumeOptions { no_ack: true, exclusive, ..Default::default() };
    let consumer =
        channel.basic_consume(queue.into(), "replies".into(), options, FieldTable::default());
    step("consuming replies", lost, consumer).await
}

/// Hands replies to those who wait for them, until the link is lost.
fn receive(channel: Channel, mut consumer: Consumer, replies: Replies, lost: CancellationToken) {
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
}
