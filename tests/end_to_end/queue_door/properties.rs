//! What stands beside the body: odd properties change nothing (row 95).

use lapin::{
    BasicProperties,
    types::{AMQPValue, DecimalValue, FieldArray, FieldTable},
};
use serde_json::json;
use shared::bus::{REASON_HEADER, SOURCE_HEADER};

use super::door::{Door, channel, connect, consume, next_reply, publish};

/// One header of each kind, and some that others give a meaning to.
fn headers() -> FieldTable {
    let text = |text: &str| AMQPValue::LongString(text.into());
    let table: FieldTable = [("deep".into(), text("er"))]
        .into_iter()
        .collect::<std::collections::BTreeMap<_, _>>()
        .into();
    let values = [
        ("boolean", AMQPValue::Boolean(true)),
        ("i8", AMQPValue::ShortShortInt(-1)),
        ("u8", AMQPValue::ShortShortUInt(255)),
        ("i16", AMQPValue::ShortInt(-1)),
        ("u16", AMQPValue::ShortUInt(1)),
        ("i32", AMQPValue::LongInt(i32::MIN)),
        ("u32", AMQPValue::LongUInt(u32::MAX)),
        ("i64", AMQPValue::LongLongInt(i64::MIN)),
        ("f32", AMQPValue::Float(1.5)),
        ("f64", AMQPValue::Double(-0.0)),
        ("decimal", AMQPValue::DecimalValue(DecimalValue { scale: 255, value: u32::MAX })),
        ("text", text("text")),
        ("bytes", AMQPValue::LongString(b"\xff\x00\xfe"[..].into())),
        ("list", AMQPValue::FieldArray(FieldArray::from(vec![text("a"), AMQPValue::Void]))),
        ("time", AMQPValue::Timestamp(u64::MAX)),
        ("table", AMQPValue::FieldTable(table)),
        ("binary", AMQPValue::ByteArray(b"\xff"[..].into())),
        ("nothing", AMQPValue::Void),
        ("", text("")),
        ("x-delivery-count", AMQPValue::LongLongInt(i64::MAX)),
        ("x-death", text("none")),
        ("x-first-death-reason", text("forged")),
        ("x-first-death-queue", text("forged")),
        (REASON_HEADER, text("forged")),
        (SOURCE_HEADER, text("forged")),
    ];
    let mut headers = FieldTable::default();
    for (name, value) in values {
        headers.insert(name.into(), value);
    }
    headers
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_properties_change_nothing() {
    let mut door = Door::open().await;
    let long = "c".repeat(255);
    let mut large = FieldTable::default();
    large.insert("large".into(), AMQPValue::LongString("h".repeat(100 << 10).into()));
    let asking = || door.asking("odd");
    let odd = [
        BasicProperties::default().with_reply_to(door.reply_queue.as_str().into()),
        asking().with_correlation_id("".into()),
        asking().with_correlation_id(long.as_str().into()),
        asking().with_correlation_id("'; DROP\r\n\u{1f600}\0".into()),
        asking().with_message_id("".into()),
        asking().with_message_id(long.as_str().into()),
        asking().with_content_type("text/plain".into()),
        asking().with_content_type(long.as_str().into()),
        asking().with_content_encoding("gzip".into()),
        asking().with_type("rollcall.v99".into()),
        asking().with_app_id("\0".into()),
        asking().with_cluster_id("x".into()),
        asking().with_user_id("guest".into()),
        asking().with_priority(255),
        asking().with_timestamp(u64::MAX),
        asking().with_expiration("3600000".into()),
        asking().with_delivery_mode(1),
        asking().with_headers(headers()),
        asking().with_headers(large),
    ];
    for (n, properties) in odd.into_iter().enumerate() {
        let submission = door.submission(json!([{"email": format!("{n}@x.com")}]));
        let correlation_id = properties.correlation_id().as_ref().map(ToString::to_string);
        let shown = format!("{properties:.200?}");
        door.publish(properties.clone(), json!({"submissions": [submission]}).to_string()).await;
        let (to, reply) = door.reply().await;
        assert_eq!(to, correlation_id, "{shown}");
        assert_eq!(reply["results"][0]["summary"]["added"], 1, "{shown}: {reply}");

        // The same on the way to the dead letters, where headers must not forge the reason.
        door.publish(properties, "unreadable").await;
        let (to, _) = door.reply().await;
        assert_eq!(to, correlation_id, "{shown}");
        let letter = door.letter().await;
        assert_eq!(letter.body, "unreadable");
        assert_eq!(letter.header(SOURCE_HEADER), Some("leads.submitted"), "{shown}");
        assert!(letter.header(REASON_HEADER).is_some_and(|r| r.starts_with("Unreadable")));
    }
    door.no_letters().await;
}

/// What AMQP or the broker forbids ends the publisher's channel, and nothing arrives.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_broker_refuses_never_arrives() {
    let mut door = Door::open().await;
    let url = door.vhost().amqp_url();
    let connection = connect(&url).await;
    for properties in [
        door.asking("forged").with_user_id("somebody".into()),
        door.asking("forged").with_expiration("abc".into()),
        door.asking("forged").with_expiration("-1".into()),
    ] {
        let channel = channel(&connection).await;
        let refused = publish(&channel, "leads", "leads.submitted", properties, "{}").await;
        assert!(refused.is_err(), "{refused:?}");
    }
    door.serves().await;
    door.no_letters().await;
}

/// RabbitMQ 3 refuses a delivery mode that there is not, 4 takes the message.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_delivery_mode_harms_nobody() {
    let mut door = Door::open().await;
    let channel = channel(&connect(&door.vhost().amqp_url()).await).await;
    let properties = door.asking("odd").with_delivery_mode(7);
    if publish(&channel, "leads", "leads.submitted", properties, "{}").await.is_ok() {
        assert_eq!(door.reply().await.0.as_deref(), Some("odd"));
        assert_eq!(door.letter().await.body, "{}");
    }
    door.serves().await;
    door.no_letters().await;
}

/// An address that RabbitMQ rewrites, so that no queue is needed
/// (<https://www.rabbitmq.com/docs/direct-reply-to>).
#[tokio::test(flavor = "multi_thread")]
async fn direct_reply_to_is_answered() {
    let door = Door::open().await;
    let url = door.vhost().amqp_url();
    let channel = channel(&connect(&url).await).await;
    let mut replies = consume(&channel, "amq.rabbitmq.reply-to").await;
    let good = json!({"submissions": [door.submission(json!([{"email": "a@x.com"}]))]}).to_string();
    for (body, field) in [(good.as_str(), "summary"), ("unreadable", "error")] {
        let properties = BasicProperties::default()
            .with_reply_to("amq.rabbitmq.reply-to".into())
            .with_correlation_id("direct".into());
        publish(&channel, "leads", "leads.submitted", properties, body).await.expect("confirmed");
        let (to, reply) = next_reply(&mut replies).await;
        assert_eq!(to.as_deref(), Some("direct"));
        assert!(reply["results"][0][field].is_object(), "{reply}");
    }
}
