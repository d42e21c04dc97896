//! What a publisher can do that has the permissions of `docker/rabbitmq/definitions.json`.

use std::fs;

use lapin::{
    BasicProperties, Channel, Connection, ExchangeKind,
    options::{
        BasicConsumeOptions, BasicGetOptions, ExchangeDeclareOptions, QueueBindOptions,
        QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions,
    },
    types::{AMQPValue, FieldArray, FieldTable},
};
use serde_json::{Value, json};
use shared::bus::{Lane, Queue};
use test_support::TestVhost;

use super::door::{Door, channel, connect, consume, next_reply, publish};

/// Makes the publisher that the definitions describe, and returns the URL to connect as it.
pub async fn publisher(vhost: &TestVhost) -> String {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docker/rabbitmq/definitions.json");
    let file = fs::read_to_string(file).expect("the definitions");
    let definitions: Value = serde_json::from_str(&file).expect("JSON");
    let of_publisher = |kind: &str| {
        let list = definitions[kind].as_array().expect("a list").iter();
        let own: Vec<_> = list.filter(|entry| entry["user"] == "publisher").cloned().collect();
        assert_eq!(own.len(), 1, "{kind}");
        own[0].clone()
    };
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let (may, topics) = (of_publisher("permissions"), of_publisher("topic_permissions"));
    let [configure, write, read] = ["configure", "write", "read"].map(|kind| text(&may[kind]));
    vhost.create_user("publisher", "secret", &configure, &write, &read).await;
    let (exchange, write, read) =
        (text(&topics["exchange"]), text(&topics["write"]), text(&topics["read"]));
    vhost.permit_topics("publisher", &exchange, &write, &read).await;
    vhost.amqp_url_as("publisher", "secret")
}

/// A connection of the publisher.
async fn connected(door: &Door) -> Connection {
    connect(&publisher(door.vhost()).await).await
}

fn refused<T>(what: &str, done: lapin::Result<T>) {
    let Err(error) = done else { panic!("{what} was allowed") };
    assert!(error.to_string().contains("ACCESS_REFUSED"), "{what}: {error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_can_submit_and_nothing_else() {
    let mut door = Door::open().await;
    let connection = connected(&door).await;
    let table = FieldTable::default;
    // Each attempt ends its channel.
    let fresh = async || -> Channel { channel(&connection).await };

    for queue in Queue::ALL.into_iter().filter(|queue| *queue != Queue::Submitted) {
        let key = queue.name();
        let done = publish(&fresh().await, "leads", key, BasicProperties::default(), "{}").await;
        refused(&format!("publishing {key}"), done);
    }
    for (exchange, key) in [
        ("leads", ""),
        ("leads", "leads.submitted.x"),
        ("leads", "leads#submitted"),
        ("", "leads.submitted"),
        ("", "leads.resolved"),
        ("", "lead.requests"),
        ("", "campaign.requests"),
        ("", &door.reply_queue),
        ("amq.topic", "leads.submitted"),
        ("amq.direct", "leads.submitted"),
    ] {
        let done = publish(&fresh().await, exchange, key, BasicProperties::default(), "{}").await;
        refused(&format!("publishing {key} to {exchange}"), done);
    }
    for queue in Queue::ALL.map(Queue::name).into_iter().chain([door.reply_queue.as_str()]) {
        let channel = fresh().await;
        refused("getting", channel.basic_get(queue.into(), BasicGetOptions::default()).await);
        let channel = fresh().await;
        let consuming =
            channel.basic_consume(queue.into(), "".into(), BasicConsumeOptions::default(), table());
        refused("consuming", consuming.await);
        let channel = fresh().await;
        refused("purging", channel.queue_purge(queue.into(), QueuePurgeOptions::default()).await);
        let channel = fresh().await;
        let deleting = channel.queue_delete(queue.into(), QueueDeleteOptions::default());
        refused("deleting", deleting.await);
        let channel = fresh().await;
        let (exchange, key) = ("leads".into(), "leads.submitted".into());
        let binding =
            channel.queue_bind(queue.into(), exchange, key, QueueBindOptions::default(), table());
        refused("binding", binding.await);
    }
    for name in ["", "mine", "leads.mine"] {
        let channel = fresh().await;
        let declaring = channel.queue_declare(name.into(), QueueDeclareOptions::default(), table());
        refused("declaring a queue", declaring.await);
    }
    let channel = fresh().await;
    let (kind, options) = (ExchangeKind::Topic, ExchangeDeclareOptions::default());
    refused("declaring", channel.exchange_declare("mine".into(), kind, options, table()).await);

    // It can submit, and needs no queue of its own to be answered.
    let channel = fresh().await;
    let mut replies = consume(&channel, "amq.rabbitmq.reply-to").await;
    let submission = door.submission(json!([{"email": "a@x.com"}]));
    let properties = BasicProperties::default().with_reply_to("amq.rabbitmq.reply-to".into());
    let body = json!({"submissions": [submission]}).to_string();
    publish(&channel, "leads", "leads.submitted", properties, body).await.expect("confirmed");
    let (_, reply) = next_reply(&mut replies).await;
    assert_eq!(reply["results"][0]["summary"]["added"], 1, "{reply}");
    door.serves().await;
    door.no_letters().await;
}

/// RabbitMQ routes by the headers `CC` and `BCC` too
/// (<https://www.rabbitmq.com/docs/sender-selected>).
#[tokio::test(flavor = "multi_thread")]
async fn a_carbon_copy_opens_no_other_door() {
    let mut door = Door::open().await;
    let connection = connected(&door).await;
    let lead = uuid::Uuid::now_v7();
    let outcome = json!({"lead": {"lead_id": lead, "created": true, "matched_by": null}});
    let forged = json!({"submissions": [{"id": lead, "workspace_id": door.workspace,
        "campaign_id": door.campaign, "outcomes": [outcome]}]});
    let queues = Lane::ALL.map(|lane| lane.resolved().name());
    for (header, queue) in ["CC", "BCC"].into_iter().zip(queues) {
        let mut headers = FieldTable::default();
        let keys = vec![AMQPValue::LongString(queue.into())];
        headers.insert(header.into(), AMQPValue::FieldArray(FieldArray::from(keys)));
        let properties = BasicProperties::default().with_headers(headers);
        let channel = channel(&connection).await;
        let done = publish(&channel, "leads", "leads.submitted", properties, forged.to_string());
        match done.await {
            // RabbitMQ 4 looks at the keys of copies, too.
            Err(error) => {
                assert!(error.to_string().contains("ACCESS_REFUSED"), "{error}");
                continue;
            }
            Ok(confirmed) => assert!(confirmed.is_ack()),
        }
        // It is no submission, and the copy is nothing that the campaign service takes.
        for letter in [door.letter().await, door.letter().await] {
            assert_eq!(letter.body, forged.to_string());
        }
    }
    door.serves().await;
    door.no_letters().await;
    assert_eq!(door.system.acme.members(door.campaign).await, 1, "the fence alone");
}
