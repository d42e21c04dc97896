//! A broker under an alarm, which reads nothing from those who publish.

use std::time::Duration;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use reqwest::{StatusCode, header::RETRY_AFTER};
use serde_json::{Value, json};
use shared::database::Database;
use test_support::{Broker, TestVhost, eventually};
use tokio::time::sleep;

use super::door::{Door, LONG};

/// More than one batch: the first is taken alone.
const MESSAGES: i64 = 5;
/// How long the alarm lasts once everything has come to a halt. How long a batch is held at all is
/// tested with the clock in hand (`shared::pipeline`).
const ALARM: Duration = Duration::from_secs(2);

/// Whichever half of the pipeline it befalls, the messages are held and use up no deliveries, and flow
/// when the alarm ends.
#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_uses_up_no_deliveries() {
    let broker = Broker::start().await;
    let mut door = Door::open_on(TestVhost::create_on(&broker).await).await;
    // Workers take one message alone at first.
    door.serves().await;
    for (queue, table, service) in
        [("leads.submitted", "lead.leads", 1), ("leads.resolved", "campaign.links", 2)]
    {
        let before = door.system.count(table).await;
        let lock = lock(&door, table).await;
        for n in 0..MESSAGES {
            let lead = json!([{"email": format!("{queue}.{n}@example.com")}]);
            let body = json!({"submissions": [door.submission(lead)]}).to_string();
            door.publish(door.asking(&n.to_string()), body).await;
        }
        let wait = async || {
            let waiting = door.vhost().messages(queue).await;
            (waiting == Some(MESSAGES as u64)).then_some(())
        };
        eventually(LONG, wait).await;

        broker.raise_alarm().await;
        drop(lock);
        let halted = async || {
            let ready = format!("{}/ready", door.system.admin[service]);
            let ready = reqwest::get(ready).await.expect("an answer").status();
            let committed = door.system.count(table).await - before;
            (committed > 0 && ready == StatusCode::SERVICE_UNAVAILABLE).then_some(())
        };
        eventually(LONG, halted).await;
        callers_are_told(&door).await;
        sleep(ALARM).await;
        broker.end_alarm().await;

        for _ in 0..MESSAGES {
            let (_, reply) = door.reply().await;
            assert_eq!(reply["results"][0]["summary"]["added"], 1, "{reply}");
        }
    }
    for queue in ["leads.submitted", "leads.resolved"] {
        let delivered = async || {
            let queue = door.vhost().queue(queue).await?;
            let stats = queue.get("message_stats")?.clone();
            (stats.get("deliver")?.as_i64()? > 2 * MESSAGES).then_some(stats)
        };
        let stats: Value = eventually(LONG, delivered).await;
        assert_eq!(stats["redeliver"], 0, "{queue}: {stats}");
    }
    door.no_letters().await;
}

/// Holds whatever writes to a table, until the connection is dropped.
async fn lock(door: &Door, table: &str) -> AsyncPgConnection {
    let database = Database::new(&door.system.database.url(), 1).expect("a URL");
    let mut connection = database.dedicated_connection().await.expect("connected");
    let lock = format!(
        "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0; \
                        LOCK TABLE {table} IN EXCLUSIVE MODE"
    );
    connection.batch_execute(&lock).await.expect("locked");
    connection
}

/// 503 at once, as soon as the gateway has published something and so noticed.
async fn callers_are_told(door: &Door) {
    let acme = door.system.acme.clone();
    let noticing = tokio::spawn(async move { acme.get("/v1/leads").await });
    let unready = async || {
        let ready = door.system.acme.get("/ready").await.status();
        (ready == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    };
    eventually(LONG, unready).await;
    let told = door.system.acme.get("/v1/leads").await;
    assert_eq!(told.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(told.headers().contains_key(RETRY_AFTER));
    noticing.abort();
}
