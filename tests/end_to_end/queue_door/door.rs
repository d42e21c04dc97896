//! An internal service, and what the operator finds among the dead letters.

use std::time::Duration;

use futures_util::StreamExt;
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer,
    options::{
        BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
    },
    types::FieldTable,
};
use serde_json::{Value, json};
use shared::bus::{BatchLimit, Bus, Message, Queue, Subscription, rabbit::RabbitBus};
use test_support::TestVhost;
use tokio::time::timeout;
use uuid::Uuid;

use crate::system::{
    System,
    conformance::{fits, validator},
    id,
};

/// Far more than anything here takes.
pub const LONG: Duration = Duration::from_secs(30);

/// A system, and a publisher in front of its queue.
pub struct Door {
    pub system: System,
    /// The workspace "Acme".
    pub workspace: Uuid,
    /// A campaign of it.
    pub campaign: Uuid,
    pub channel: Channel,
    pub reply_queue: String,
    replies: Consumer,
    letters: Box<dyn Subscription>,
    _bus: RabbitBus,
    _connection: Connection,
}

impl Door {
    /// With one worker in each service, so that messages are worked on in their order, and the
    /// answer to one says that those before it are done with.
    pub async fn open() -> Self {
        Self::open_on(TestVhost::create().await).await
    }

    /// As [`Self::open`], on this virtual host.
    pub async fn open_on(vhost: TestVhost) -> Self {
        let url = vhost.amqp_url();
        let system = System::with(1, Some(vhost), |settings| {
            settings.lead_service.workers = 1;
            settings.campaign_service.workers = 1;
        })
        .await;
        let workspace: Value = system.acme.get("/v1/workspace").await.json().await.expect("JSON");
        let connection = connect(&url).await;
        let channel = channel(&connection).await;
        let queue = channel.queue_declare(
            "".into(),
            QueueDeclareOptions::exclusive(),
            FieldTable::default(),
        );
        let reply_queue = queue.await.expect("declared").name().to_string();
        let replies = consume(&channel, &reply_queue).await;
        let bus = RabbitBus::start(&url, "letters").expect("a URL");
        let letters = bus.subscribe(Queue::DeadLetters, BatchLimit { messages: 1, bytes: 1 });
        Self {
            workspace: id(&workspace["data"]["id"]),
            campaign: system.acme.campaign("Door").await,
            system,
            channel,
            reply_queue,
            replies,
            letters,
            _bus: bus,
            _connection: connection,
        }
    }

    /// What the broker says of it.
    pub fn vhost(&self) -> &TestVhost {
        self.system.vhost.as_ref().expect("on RabbitMQ")
    }

    /// A submission to the campaign.
    pub fn submission(&self, leads: Value) -> Value {
        json!({"id": Uuid::now_v7(), "workspace_id": self.workspace, "campaign_id": self.campaign,
               "leads": leads})
    }

    /// Properties that ask for a reply.
    pub fn asking(&self, correlation_id: &str) -> BasicProperties {
        BasicProperties::default()
            .with_delivery_mode(2)
            .with_reply_to(self.reply_queue.as_str().into())
            .with_correlation_id(correlation_id.into())
    }

    /// Publishes a body at the door.
    pub async fn publish(&self, properties: BasicProperties, body: impl AsRef<[u8]>) {
        let published = publish(&self.channel, "leads", "leads.submitted", properties, body).await;
        published.expect("confirmed");
    }

    /// The next reply: its correlation id, and its body.
    pub async fn reply(&mut self) -> (Option<String>, Value) {
        next_reply(&mut self.replies).await
    }

    /// Publishes submissions and returns their results.
    pub async fn ask(&mut self, submissions: Value) -> Vec<Value> {
        let correlation_id = Uuid::now_v7().to_string();
        let body = json!({"submissions": submissions}).to_string();
        self.publish(self.asking(&correlation_id), body).await;
        let (to, mut reply) = self.reply().await;
        assert_eq!(to, Some(correlation_id), "{reply}");
        reply["results"].as_array_mut().expect("results").drain(..).collect()
    }

    /// Makes sure that the door is open, and that nobody got a reply before.
    pub async fn serves(&mut self) {
        let submission = self.submission(json!([{"email": "fence@x.com"}]));
        let results = self.ask(json!([submission])).await;
        assert_eq!(results[0]["summary"]["failed"], 0, "{results:?}");
    }

    /// Takes the next dead letter.
    pub async fn letter(&mut self) -> Message {
        let batch = timeout(LONG, self.letters.next_batch()).await.expect("a dead letter");
        let letter = batch.messages()[0].clone();
        batch.ack().await.expect("taken");
        letter
    }

    /// Makes sure that no more dead letters came.
    pub async fn no_letters(&mut self) {
        let more = timeout(Duration::from_millis(200), self.letters.next_batch()).await;
        assert!(more.is_err(), "{:?}", more.map(|batch| batch.messages().to_vec()));
    }
}

pub async fn connect(url: &str) -> Connection {
    Connection::connect(url, ConnectionProperties::default()).await.expect("connected")
}

/// A channel on which publishing waits for the confirm.
pub async fn channel(connection: &Connection) -> Channel {
    let channel = connection.create_channel().await.expect("opened");
    channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
    channel
}

pub async fn consume(channel: &Channel, queue: &str) -> Consumer {
    let options = BasicConsumeOptions { no_ack: true, ..Default::default() };
    let consumer = channel.basic_consume(queue.into(), "".into(), options, FieldTable::default());
    consumer.await.expect("consuming")
}

/// Publishes and waits for the confirm.
pub async fn publish(
    channel: &Channel,
    exchange: &str,
    key: &str,
    properties: BasicProperties,
    body: impl AsRef<[u8]>,
) -> lapin::Result<Confirmation> {
    let options = BasicPublishOptions::default();
    let published =
        channel.basic_publish(exchange.into(), key.into(), options, body.as_ref(), properties);
    published.await?.await
}

pub async fn next_reply(replies: &mut Consumer) -> (Option<String>, Value) {
    let reply = timeout(LONG, replies.next()).await.expect("a reply in time");
    let reply = reply.expect("consuming").expect("consuming");
    let body = serde_json::from_slice(&reply.data).expect("JSON");
    let document = gateway::specification::asyncapi();
    let payload = &document["components"]["messages"]["results"]["payload"];
    fits("a reply", &validator(payload, &document["components"]), &body);
    (reply.properties.correlation_id().as_ref().map(ToString::to_string), body)
}
