//! Phones, emails, names and keys never appear in logs or traces, whatever happens to them and however
//! much is logged (contract, `reliability.md` S7 and L6).
//!
//! A test binary of its own, with one test: what is captured is what the whole process logs.

#[allow(dead_code, reason = "shared with the end-to-end tests")]
#[path = "end_to_end/system.rs"]
mod system;

#[allow(dead_code, reason = "shared with the tests of traces")]
#[path = "telemetry/collector.rs"]
mod collector;

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::FieldTable,
};
use reqwest::{Method, StatusCode};
use serde_json::json;
use shared::{
    bus::{BatchLimit, Bus, Message, Queue, REASON_HEADER, Subscription, rabbit::RabbitBus},
    settings::Settings,
    telemetry,
};
use test_support::TestVhost;
use tokio::time::timeout;
use uuid::Uuid;

use collector::Collector;
use system::{System, expect};

const LONG: Duration = Duration::from_secs(30);

/// In every personal value here, whether it is valid or not.
const CANARY: &str = "c4nary";
const EMAIL: &str = "c4nary@example.com";
/// A phone has digits alone.
const PHONE: &str = "+15559264811";
const DIGITS: &str = "9264811";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Captures all that is logged from now on, with the filter of production and every level.
    fn capture() -> Self {
        let log = Self::default();
        let writer = log.clone();
        tracing_subscriber::fmt()
            .with_env_filter(telemetry::filter("trace").expect("a filter"))
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .init();
        log
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic").clone()).expect("text")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_and_traces_hold_nothing_personal() {
    let log = Log::capture();
    let collector = Collector::start();
    let url = format!("{}/v1/traces", collector.url());
    let traced = |settings: &mut Settings| settings.traces_url = Some(url.into());
    let mut system = System::with(1, Some(TestVhost::create().await), traced).await;
    over_http(&system).await;
    let letters = over_the_queue(&system).await;
    refused_by_the_database(&system).await;
    handed_back_by_the_broker(&system).await;
    system.stop().await;

    let text = log.text();
    for told in ["refused a message", "unreadable message", "a batch failed", "could not be routed"]
    {
        assert!(text.contains(told), "{told:?} was not logged: has its path been taken?");
    }
    let key = system.acme.key.trim_start_matches("rchd_live_");
    for secret in [CANARY, DIGITS, key] {
        for form in forms(secret) {
            let found = text.lines().find(|line| line.contains(&form));
            assert_eq!(found, None, "{secret}");
        }
    }
    let traced = collector.spans();
    for service in ["gateway", "lead-service", "campaign-service"] {
        let failed = traced.iter().any(|span| span.service == service && span.failed);
        assert!(failed || service == "campaign-service", "{service} has traced no failure");
        assert!(traced.iter().any(|span| span.service == service), "{service} has traced nothing");
    }
    for bytes in collector.bytes() {
        let text = String::from_utf8_lossy(&bytes);
        for secret in [CANARY, DIGITS, key] {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
    for letter in letters {
        let reason = letter.header(REASON_HEADER).expect("a reason");
        assert!(!reason.contains(CANARY) && !reason.contains(DIGITS), "{reason}");
    }
}

/// A text as it stands, and as logs show bytes.
fn forms(text: &str) -> [String; 3] {
    let list = format!("{:?}", text.as_bytes());
    let hex = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    [text.to_owned(), list.trim_matches(['[', ']']).to_owned(), hex]
}

/// Success, every entry error, and every refusal that a caller's text can bring about.
async fn over_http(system: &System) {
    let acme = &system.acme;
    let campaign = acme.campaign(CANARY).await;
    let leads = json!([
        {"phone": PHONE, "email": EMAIL, "first_name": CANARY, "linkedin_url": CANARY},
        {"phone": PHONE, "email": "c4nary.b@example.com"},
        {"phone": "+15559264812", "email": EMAIL},
        {},
        CANARY,
        {"phone": CANARY},
        {"phone": format!("{PHONE}x")},
        {"email": CANARY},
        {"lead_id": CANARY},
        {"email": EMAIL, "title": [CANARY]},
        {"email": EMAIL, "title": "c4nary\u{0}"},
        {"email": EMAIL, "c4nary": CANARY},
        {"lead_id": Uuid::nil(), "email": EMAIL},
    ]);
    let answer = acme.add(campaign, leads).await;
    assert_eq!(answer["summary"]["failed"], 9, "{answer:#}");
    acme.lead(&answer["results"][0]["lead_id"]).await;
    acme.members(campaign).await;
    one_by_one(system).await;

    let path = format!("/v1/campaigns/{campaign}/leads");
    for body in [
        CANARY.to_owned(),
        r#"{"leads":["c4nary}"#.to_owned(),
        format!(r#"{{"leads":"{CANARY}"}}"#),
        format!(r#"{{"leads":[{{"email":"{EMAIL}"}}],"merge":"{CANARY}"}}"#),
        format!(r#"{{"leads":[{{"email":"{EMAIL}"}}],"default_region":"{CANARY}"}}"#),
    ] {
        let request = acme.request(Method::POST, &path).header("content-type", "application/json");
        expect(400, request.body(body).send().await.expect("an answer")).await;
    }
    for path in ["/v1/campaigns/c4nary", "/v1/leads/c4nary", "/v1/campaigns?status=c4nary"] {
        expect(400, acme.get(path).await).await;
    }
    expect(404, acme.get("/c4nary?email=c4nary@example.com").await).await;
    for key in ["c4nary", "rchd_live_c4nary"] {
        let request =
            reqwest::Client::new().get(format!("http://{}/v1/workspace", system.address()));
        expect(401, request.bearer_auth(key).send().await.expect("an answer")).await;
    }
}

/// Leads one by one, carried out and refused.
async fn one_by_one(system: &System) {
    let acme = &system.acme;
    let fields = json!({"email": "c4nary.one@example.com", "metadata": {CANARY: CANARY}});
    let made = expect(201, acme.post("/v1/leads", &fields).await).await;
    let path = format!("/v1/leads/{}", made["data"]["id"].as_str().expect("an id"));
    expect(409, acme.post("/v1/leads", &fields).await).await;
    expect(200, acme.patch(&path, &json!({"custom_variables": {CANARY: PHONE}})).await).await;
    expect(409, acme.patch(&path, &json!({"phone": PHONE})).await).await;
    for bad in [json!({"email": CANARY}), json!({"metadata": CANARY}), json!({"title": [CANARY]})] {
        expect(400, acme.post("/v1/leads", &bad).await).await;
        expect(400, acme.patch(&path, &bad).await).await;
    }
    for (status, query) in [
        (200, "email=c4nary.one@example.com"),
        (200, "phone=%2B15559264811"),
        (200, "search=c4nary+9264811"),
        (400, "email=c4nary"),
        (400, "phone=c4nary"),
        (400, "created_after=c4nary"),
        (400, "search=c4nary+x"),
    ] {
        expect(status, acme.get(&format!("/v1/leads?{query}")).await).await;
    }
    assert_eq!(acme.delete(&path).await.status(), StatusCode::NO_CONTENT);
}

/// Messages that become dead letters, which are returned.
async fn over_the_queue(system: &System) -> Vec<Message> {
    let url = system.vhost.as_ref().expect("on RabbitMQ").amqp_url();
    let bus = RabbitBus::start(&url, "letters").expect("a URL");
    let mut letters = bus.subscribe(Queue::DeadLetters, BatchLimit { messages: 1, bytes: 1 });
    let channel = channel(&url).await;
    let submission = json!({"id": CANARY, "leads": [{"email": EMAIL}]});
    let mut taken = Vec::new();
    for (key, body, reply_to) in [
        ("leads.submitted", CANARY.to_owned(), None),
        ("leads.submitted", format!(r#"{{"submissions":"{CANARY}"}}"#), None),
        ("leads.submitted", json!({"submissions": [submission, CANARY]}).to_string(), None),
        (
            "leads.submitted",
            json!({"submissions": [submission]}).to_string(),
            Some("leads.resolved"),
        ),
        ("leads.resolved", format!(r#"{{"submissions":"{CANARY}"}}"#), None),
        (
            "leads.resolved",
            json!({"submissions": [{"id": null, "outcomes": [CANARY]}]}).to_string(),
            None,
        ),
        (
            "leads.resolved",
            format!(r#"{{"submissions":[{{"id":"{}","outcomes":["{CANARY}"]}}]}}"#, Uuid::nil()),
            None,
        ),
    ] {
        let mut properties = BasicProperties::default();
        if let Some(address) = reply_to {
            properties = properties.with_reply_to(address.into());
        }
        publish(&channel, "leads", key, properties, &body).await;
        taken.push(letter(&mut *letters).await);
    }
    // A look-up that is none leaves no letter, only a line in the log.
    publish(&channel, "", "lead-service.requests", BasicProperties::default(), r#"{"c4nary":1}"#)
        .await;
    taken
}

/// PostgreSQL names the values of the row in the detail of such an error.
async fn refused_by_the_database(system: &System) {
    let campaign = system.acme.campaign("Refused").await;
    let path = format!("/v1/campaigns/{campaign}/leads");
    for (how, undo) in [
        ("CREATE UNIQUE INDEX once ON lead.leads (last_name)", "DROP INDEX lead.once"),
        (
            "ALTER TABLE lead.leads ADD CONSTRAINT never CHECK (last_name IS DISTINCT FROM 'c4nary')",
            "ALTER TABLE lead.leads DROP CONSTRAINT never",
        ),
    ] {
        system.execute(how).await;
        let lead = |n| json!({"email": format!("c4nary.{n}@example.com"), "last_name": CANARY});
        let body = json!({"leads": [lead(1), lead(2)]});
        expect(500, system.acme.post(&path, &body).await).await;
        system.execute(undo).await;
    }
    let made = json!({"leads": [{"email": "c4nary.3@example.com", "last_name": CANARY}]});
    expect(200, system.acme.post(&path, &made).await).await;
}

/// The client library logs whole messages that come back, if it may.
async fn handed_back_by_the_broker(system: &System) {
    let url = system.vhost.as_ref().expect("on RabbitMQ").amqp_url();
    let channel = channel(&url).await;
    let campaign = system.acme.campaign("Returned").await;
    let (queue, exchange, key) =
        ("leads.submitted".into(), "leads".into(), "leads.submitted".into());
    channel.queue_unbind(queue, exchange, key, FieldTable::default()).await.expect("unbound");
    let path = format!("/v1/campaigns/{campaign}/leads");
    let body = json!({"leads": [{"phone": PHONE, "email": EMAIL, "first_name": CANARY}]});
    // The gateway declares what is missing, and publishes the message again.
    expect(200, system.acme.post(&path, &body).await).await;
}

async fn letter(letters: &mut dyn Subscription) -> Message {
    let batch = timeout(LONG, letters.next_batch()).await.expect("a dead letter");
    let letter = batch.messages()[0].clone();
    batch.ack().await.expect("taken");
    letter
}

async fn channel(url: &str) -> Channel {
    let connection = Connection::connect(url, ConnectionProperties::default());
    let channel = connection.await.expect("connected").create_channel().await.expect("opened");
    channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
    channel
}

async fn publish(
    channel: &Channel,
    exchange: &str,
    key: &str,
    properties: BasicProperties,
    body: &str,
) {
    let options = BasicPublishOptions::default();
    let published =
        channel.basic_publish(exchange.into(), key.into(), options, body.as_bytes(), properties);
    published.await.expect("published").await.expect("confirmed");
}
