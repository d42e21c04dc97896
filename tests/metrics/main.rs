//! What `/metrics` tells (docs/operations.md).
//!
//! A test binary of its own: a process counts for all that runs in it.

#[allow(dead_code, reason = "shared with the end-to-end tests")]
#[path = "../end_to_end/system.rs"]
mod system;

mod exposition;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::TcpListener,
    process::Stdio,
    time::Duration,
};

use reqwest::Client;
use serde_json::{Value, json};
use shared::bus::{BatchLimit, Bus, Message, Queue, rabbit::RabbitBus, within};
use test_support::{TestDatabase, eventually};
use tokio::process::Command;

use exposition::Exposition;
use system::{Caller, System, caller, expect};

const LONG: Duration = Duration::from_secs(30);
const LEADS: &str = "/v1/campaigns/{id}/leads";

#[tokio::test(flavor = "multi_thread")]
async fn on_rabbitmq_everything_is_counted() {
    let system = System::on_rabbitmq().await;
    over_http(&system.acme).await;
    limited(&system).await;
    over_the_queue(&system).await;
    trouble_with_the_database(&system).await;
    trouble_with_the_broker(&system).await;

    let told = scrape(&system.admin[0]).await;
    what_callers_did(&told);
    assert_eq!(told.sum("rollcall_rate_limited_total", &[]), 1.0);
    assert_eq!(told.sum("rollcall_http_requests_total", &[("status", "429")]), 1.0);
    // Whatever is told is told by all: here they are one process.
    for admin in &system.admin {
        as_documented(&scrape(admin).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_one_process_everything_is_told_on_each_port() {
    let database = TestDatabase::create().await;
    let [base, gateway, lead_service, campaign_service] = [(); 4].map(|()| free_address());
    let mut up = Command::new(env!("CARGO_BIN_EXE_rollcall"));
    up.arg("up").env_remove("AMQP_URL").env("DATABASE_URL", database.url());
    for (setting, address) in [
        ("GATEWAY__LISTEN", &base),
        ("GATEWAY__ADMIN", &gateway),
        ("LEAD_SERVICE__ADMIN", &lead_service),
        ("CAMPAIGN_SERVICE__ADMIN", &campaign_service),
    ] {
        up.env(format!("ROLLCALL__{setting}"), address);
    }
    up.env("ROLLCALL__LOG__FILTER", "error").stdout(Stdio::null()).kill_on_drop(true);
    let _running = up.spawn().expect("it can be run");
    let addresses = [base, gateway, lead_service, campaign_service];
    let [base, admin @ ..] = addresses.map(|address| format!("http://{address}"));
    for url in [&base].into_iter().chain(&admin) {
        eventually(LONG, || async {
            let answer = Client::new().get(format!("{url}/ready")).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }
    over_http(&caller(&database, &base, "Acme", Some(0)).await).await;
    for admin in &admin {
        let told = scrape(admin).await;
        what_callers_did(&told);
        assert_eq!(told.sum("rollcall_bus_up", &[]), 1.0);
    }
    // Not to callers.
    let public = Client::new().get(format!("{base}/metrics")).send().await.expect("an answer");
    assert_eq!(public.status(), 404);
}

/// Every outcome, both lanes, both prefixes, routes that are none, and keys that are none.
async fn over_http(acme: &Caller) {
    let campaign = acme.campaign("Metrics").await;
    let people = json!([{"phone": "+15550000001"}, {"email": "a@example.com"}, {"phone": "x"}]);
    acme.add(campaign, people.clone()).await;
    acme.add(campaign, people.clone()).await;
    let many: Vec<_> = (0..150).map(|n| json!({"email": format!("{n}@example.com")})).collect();
    acme.add(campaign, Value::from(many)).await;
    let older = format!("/functions/v1/api-gateway/v1/campaigns/{campaign}/leads");
    expect(200, acme.post(&older, &json!({"leads": people})).await).await;
    for n in 0..20 {
        expect(404, acme.get(&format!("/v1/nowhere/{n}?key={n}")).await).await;
        expect(404, acme.get(&format!("/{n}")).await).await;
    }
    expect(
        405,
        acme.request("BREW".parse().expect("a method"), "/v1/campaigns")
            .send()
            .await
            .expect("an answer"),
    )
    .await;
    let mut stranger = acme.clone();
    stranger.key = "rchd_live_none".to_owned();
    for _ in 0..3 {
        expect(401, stranger.get("/v1/workspace").await).await;
    }
}

fn what_callers_did(told: &Exposition) {
    let leads = |outcome| told.sum("rollcall_leads_total", &[("outcome", outcome)]);
    assert!(leads("added") >= 152.0 && leads("already_in_campaign") >= 4.0);
    assert!(leads("error") >= 3.0);
    let requests = |labels: &[_]| told.sum("rollcall_http_requests_total", labels);
    assert!(requests(&[("route", LEADS), ("method", "POST"), ("status", "200")]) >= 4.0);
    assert_eq!(requests(&[("route", "other"), ("method", "GET"), ("status", "404")]), 40.0);
    assert_eq!(
        requests(&[("route", "/v1/campaigns"), ("method", "other"), ("status", "405")]),
        1.0
    );
    assert_eq!(requests(&[("status", "401")]), 3.0);
    assert_eq!(told.sum("rollcall_keys_refused_total", &[]), 3.0);
    assert!(told.sum("rollcall_http_request_duration_seconds", &[("route", LEADS)]) >= 4.0);
    for (stage, lane) in
        ["gateway", "lead", "campaign"].into_iter().flat_map(|it| [(it, "rows"), (it, "bulk")])
    {
        for histogram in ["rollcall_batch_leads", "rollcall_stage_duration_seconds"] {
            let count = told.sum(histogram, &[("stage", stage), ("lane", lane)]);
            assert!(count >= 1.0, "{histogram} of {stage}, {lane}");
        }
    }
    assert_eq!(told.sum("rollcall_leads_in_flight", &[]), 0.0);
    assert_eq!(told.sum("rollcall_leads_in_flight_limit", &[]), 50_000.0);
    for (label, most) in [("route", 12), ("method", 8), ("status", 12)] {
        let values = told.values("rollcall_http_requests_total", label);
        assert!(values.len() <= most, "{values:?}");
    }
}

async fn limited(system: &System) {
    let eager =
        caller(&system.database, &format!("http://{}", system.address()), "Acme", Some(1)).await;
    expect(200, eager.get("/v1/workspace").await).await;
    expect(429, eager.get("/v1/workspace").await).await;
}

/// A message that nobody can read, which then waits among the dead letters and is looked at twice.
async fn over_the_queue(system: &System) {
    let url = system.vhost.as_ref().expect("on RabbitMQ").amqp_url();
    let bus = RabbitBus::start(&url, "publisher").expect("a URL");
    bus.publish(Queue::Submitted, Message::new("?"), within(LONG)).await.expect("published");
    told(system, "rollcall_dead_letters_total", &[("queue", "leads.submitted")], 1.0).await;
    told(system, "rollcall_queue_messages", &[("queue", "leads.dead-letters")], 1.0).await;
    let mut letters = bus.subscribe(Queue::DeadLetters, BatchLimit { messages: 1, bytes: 1 });
    drop(letters.next_batch().await);
    letters.next_batch().await.ack().await.expect("acknowledged");
    told(system, "rollcall_redeliveries_total", &[("queue", "leads.dead-letters")], 1.0).await;
    drop(letters);
    bus.close().await;
}

async fn trouble_with_the_database(system: &System) {
    let campaign = system.acme.campaign("Refused").await;
    let path = format!("/v1/campaigns/{campaign}/leads");
    system.execute("ALTER TABLE lead.leads ADD CONSTRAINT no CHECK (title IS NULL)").await;
    let lead = json!({"leads": [{"email": "b@example.com", "title": "B"}]});
    expect(500, system.acme.post(&path, &lead).await).await;
    system.execute("ALTER TABLE lead.leads DROP CONSTRAINT no").await;
    let errors = "rollcall_database_errors_total";
    told(system, errors, &[("class", "failed")], 3.0).await;
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    system.execute(end).await;
    expect(200, system.acme.post(&path, &lead).await).await;
    assert!(scrape(&system.admin[1]).await.sum(errors, &[("class", "unavailable")]) >= 1.0);
}

async fn trouble_with_the_broker(system: &System) {
    let vhost = system.vhost.as_ref().expect("on RabbitMQ");
    let connects = "rollcall_bus_connects_total";
    let before = scrape(&system.admin[0]).await.sum(connects, &[]);
    eventually(LONG, || async { (vhost.close_all_connections().await > 0).then_some(()) }).await;
    eventually(LONG, || async {
        let told = scrape(&system.admin[0]).await;
        (told.sum(connects, &[]) > before && told.sum("rollcall_bus_up", &[]) == 1.0).then_some(())
    })
    .await;
}

/// Waits until a metric has this value.
async fn told(system: &System, name: &str, labels: &[(&str, &str)], value: f64) {
    eventually(LONG, || async {
        (scrape(&system.admin[1]).await.sum(name, labels) == value).then_some(())
    })
    .await;
}

async fn scrape(admin: &str) -> Exposition {
    let answer = Client::new().get(format!("{admin}/metrics")).send().await.expect("an answer");
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    Exposition::read(&answer.text().await.expect("text"))
}

/// The handbook lists what is told, with the kind and the labels that it has, and nothing else.
fn as_documented(told: &Exposition) {
    let handbook = include_str!("../../docs/operations.md");
    let rows = handbook.lines().filter_map(|line| line.strip_prefix("| `rollcall_"));
    let documented: BTreeMap<String, (&str, BTreeSet<&str>)> = rows
        .map(|row| {
            let (series, rest) = row.split_once("` | ").expect("a name");
            let (kind, _) = rest.split_once(" | ").expect("a kind");
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let labels = labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty());
            (format!("rollcall_{name}"), (kind, labels.collect()))
        })
        .collect();
    let names = told.names().into_iter().filter(|name| name.starts_with("rollcall_"));
    assert_eq!(names.collect::<BTreeSet<_>>(), documented.keys().map(String::as_str).collect());
    for (name, shape) in &documented {
        assert_eq!(told.shape(name), *shape, "{name}");
    }
    for usual in
        ["cpu_seconds_total", "resident_memory_bytes", "open_fds", "max_fds", "start_time_seconds"]
    {
        assert!(told.sum(&format!("process_{usual}"), &[]) >= 0.0);
        assert!(told.names().contains(&*format!("process_{usual}")), "{usual}");
    }
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").to_string()
}
