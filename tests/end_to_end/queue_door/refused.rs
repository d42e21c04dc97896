//! Messages that are refused whole.

use lapin::BasicProperties;
use serde_json::json;
use shared::bus::{Queue, REASON_HEADER, SOURCE_HEADER};

use super::door::Door;

fn unreadable() -> Vec<Vec<u8>> {
    let valid = r#"{"submissions":[{}]}"#;
    let texts = [
        String::new(),
        " ".to_owned(),
        "hello".to_owned(),
        "null".to_owned(),
        "7".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        r#"{"submissions":[]}"#.to_owned(),
        r#"{"submissions":{}}"#.to_owned(),
        r#"{"submissions":"canary@x.com"}"#.to_owned(),
        r#"{"submissions":[{}],"submissions":[{}]}"#.to_owned(),
        r#"{"submissions":[{"#.to_owned(),
        format!("{valid}{valid}"),
        format!("\u{feff}{valid}"),
        "[".repeat(100_000),
        format!(r#"{{"submissions":[{}"#, "{\"a\":".repeat(100_000)),
        // The most that RabbitMQ 4 takes is 16 MiB.
        "x".repeat(15 << 20),
    ];
    let mut bodies: Vec<_> = texts.map(String::into_bytes).into();
    bodies.push(b"{\"submissions\":[{\"id\":\"\xff\"}]}".to_vec());
    bodies.push(b"\x1f\x8b\x08\x00".to_vec());
    bodies
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_messages_are_answered_and_kept() {
    let mut door = Door::open().await;
    for body in unreadable() {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        door.publish(door.asking("unreadable"), &body).await;
        let (to, reply) = door.reply().await;
        assert_eq!(to.as_deref(), Some("unreadable"));
        assert_eq!(reply["results"][0]["error"]["code"], "bad_request", "{shown}: {reply}");
        let letter = door.letter().await;
        assert_eq!(letter.body, body, "kept as it came");
        assert_eq!(letter.header(SOURCE_HEADER), Some("leads.submitted"));
        let reason = letter.header(REASON_HEADER).expect("a reason");
        assert!(!reason.is_empty() && !reason.contains("canary"), "{shown}: {reason}");

        // Nobody asked: nobody is answered.
        door.publish(BasicProperties::default(), &body).await;
        assert_eq!(door.letter().await.body, body);
    }
    door.serves().await;
    door.no_letters().await;
}

/// Without this, a message could make the services write to their own queues.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_address_is_refused() {
    let mut door = Door::open().await;
    for queue in Queue::ALL {
        let submission = door.submission(json!([{"phone": "+15550000001"}]));
        let body = json!({"submissions": [submission]}).to_string();
        for body in [body.as_str(), "unreadable"] {
            let properties = BasicProperties::default()
                .with_reply_to(queue.name().into())
                .with_correlation_id("forged".into());
            door.publish(properties, body).await;
            let letter = door.letter().await;
            assert_eq!(letter.body, body);
            assert!(letter.header(REASON_HEADER).is_some_and(|reason| reason.contains("reply_to")));
        }
    }
    assert_eq!(door.system.count("lead.leads").await, 0);
    // Addresses that lead nowhere, or nowhere of ours, are their owner's business.
    for address in ["", "nowhere", "amq.rabbitmq.reply-to.gone", "leads", "LEADS.SUBMITTED"] {
        let submission = door.submission(json!([{"phone": "+15550000001"}]));
        let properties = BasicProperties::default().with_reply_to(address.into());
        door.publish(properties, json!({"submissions": [submission]}).to_string()).await;
    }
    door.serves().await;
    door.no_letters().await;
    assert_eq!(door.system.count("lead.leads WHERE phone IS NOT NULL").await, 1);
}
