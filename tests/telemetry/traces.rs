//! One trace, shown whole.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use reqwest::Method;
use serde_json::{Value, json};
use shared::{
    bus::{Bus, Message, Queue, rabbit::RabbitBus, within},
    origin::TRACEPARENT_HEADER,
};
use test_support::{TestVhost, eventually};
use uuid::Uuid;

use crate::{
    LONG,
    collector::{Collector, Span},
    system::{Caller, System, expect},
    up::Up,
};

/// The callers' spans, each in a trace of its own.
const CALLER: &str = "b7ad6b7169203331";
const TRACES: [&str; 3] = [
    "0af7651916cd43dd8448eb211c80319c",
    "1af7651916cd43dd8448eb211c80319c",
    "2af7651916cd43dd8448eb211c80319c",
];

/// What must not get out.
const PERSONAL: [&str; 3] = ["+15559264811", "c4nary@example.com", "C4nary"];

const OVER_HTTP: &str = "\
gateway: POST /v1/campaigns/{id}/leads
  gateway: SELECT gateway.api_keys
  campaign-service: process campaign-service.requests
    campaign-service: SELECT campaign.campaigns
  gateway: INSERT gateway.idempotency_keys
  gateway: send leads.submitted
    lead-service: process leads.submitted
      lead-service: SELECT lead.leads
      lead-service: COMMIT lead.leads
      lead-service: send leads.resolved
        campaign-service: process leads.resolved
          campaign-service: INSERT campaign.links
          campaign-service: send reply
  gateway: UPDATE gateway.idempotency_keys
";

const OVER_THE_QUEUE: &str = "\
lead-service: process leads.submitted
  lead-service: SELECT lead.leads
  lead-service: COMMIT lead.leads
  lead-service: send leads.resolved
    campaign-service: process leads.resolved
      campaign-service: INSERT campaign.links
      campaign-service: send reply
";

fn traceparent(trace: &str, flags: &str) -> String {
    format!("00-{trace}-{CALLER}-{flags}")
}

/// Adds somebody, as part of a trace.
async fn add(caller: &Caller, campaign: Uuid, traceparent: &str) {
    let request = caller.request(Method::POST, &format!("/v1/campaigns/{campaign}/leads"));
    let [phone, email, name] = PERSONAL;
    let request = request
        .header("traceparent", traceparent)
        .header("X-Request-Id", format!("of-{traceparent}"))
        .header("Idempotency-Key", traceparent)
        .json(&json!({"leads": [{"phone": phone, "email": email, "first_name": name}]}));
    expect(200, request.send().await.expect("an answer")).await;
}

async fn traced_system(collector: &Collector) -> System {
    let url = format!("{}/v1/traces", collector.url());
    let vhost = TestVhost::create().await;
    System::with(1, Some(vhost), |settings| settings.traces_url = Some(url.into())).await
}

fn holds_nothing_personal(collector: &Collector, key: &str) {
    for bytes in collector.bytes() {
        let text = String::from_utf8_lossy(&bytes);
        for secret in PERSONAL.into_iter().chain([key, key.trim_start_matches("rchd_live_")]) {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_one_trace_from_http_to_the_database() {
    let collector = Collector::start();
    let mut system = traced_system(&collector).await;
    let campaign = system.acme.campaign("Traced").await;
    // A key that is not remembered, so that it is looked up within the trace.
    let caller = system.caller("Acme").await;
    let [seen, unseen, _] = TRACES;
    add(&caller, campaign, &traceparent(seen, "01")).await;
    // Its caller does not record it, and so nobody does.
    add(&caller, campaign, &traceparent(unseen, "00")).await;
    system.stop().await;

    assert_eq!(collector.tree(seen, CALLER), OVER_HTTP);
    let spans = collector.spans();
    assert!(spans.iter().all(|span| span.trace != unseen && !span.failed), "{spans:#?}");
    let traced = spans.iter().filter(|span| span.trace == seen);
    let said = |name: &str| -> Vec<&String> {
        traced.clone().filter_map(|span| span.attributes.get(name)).collect()
    };
    let ids = said("rollcall.submission_id");
    assert!(ids.len() == 3 && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let names = said("rollcall.request_id");
    let name = format!("of-{}", traceparent(seen, "01"));
    assert!(names.len() == 5 && names.iter().all(|it| **it == name), "{names:?}");
    for (span, kind) in [
        ("POST /v1/campaigns/{id}/leads", SpanKind::Server),
        ("send leads.submitted", SpanKind::Producer),
        ("process leads.submitted", SpanKind::Consumer),
        ("COMMIT lead.leads", SpanKind::Client),
    ] {
        let found = traced.clone().find(|it| it.name == span);
        assert_eq!(found.map(|it| it.kind), Some(kind), "{span}");
    }
    assert_eq!(said("http.route"), ["/v1/campaigns/{id}/leads"]);
    assert_eq!(said("http.response.status_code"), ["200"]);
    // Whatever is part of something ends before, but for what is not waited for.
    for span in traced.clone().filter(|span| !span.name.starts_with("process")) {
        assert!(span.start <= span.end);
        if let Some(whole) = spans.iter().find(|whole| whole.id == span.parent) {
            assert!(whole.start <= span.start && span.end <= whole.end, "{span:#?} {whole:#?}");
        }
    }
    holds_nothing_personal(&collector, &caller.key);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_continues_its_own_trace() {
    let collector = Collector::start();
    let mut system = traced_system(&collector).await;
    let campaign = system.acme.campaign("Traced").await;
    let workspace = expect(200, system.acme.get("/v1/workspace").await).await;
    let [of_message, of_submission, failing] = TRACES;
    let submission = |more: Value| {
        let [phone, email, name] = PERSONAL;
        let mut submission = json!({
            "id": Uuid::now_v7(), "workspace_id": workspace["data"]["id"], "campaign_id": campaign,
            "leads": [{"phone": phone, "email": email, "first_name": name}],
        });
        submission
            .as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        submission
    };
    let own = |trace| json!({"traceparent": traceparent(trace, "01")});
    let body = json!({"submissions": [
        submission(json!({})),
        submission(own(of_submission)),
        submission(json!({"traceparent": "unreadable"})),
        submission(json!({"traceparent": traceparent(failing, "01"), "default_region": "Texas"})),
    ]});
    let url = system.vhost.as_ref().expect("on RabbitMQ").amqp_url();
    let bus = RabbitBus::start(&url, "publisher").expect("a URL");
    let message = Message::new(body.to_string())
        .with_header(TRACEPARENT_HEADER, &traceparent(of_message, "01"));
    let reply = bus.call(Queue::Submitted, message, within(LONG)).await.expect("a reply");
    let reply: Value = serde_json::from_slice(&reply).expect("JSON");
    assert_eq!(reply["results"][0]["results"][0]["status"], "added", "{reply:#}");
    bus.close().await;
    system.stop().await;

    // Two submissions are part of the message's trace.
    let both = collector.tree(of_message, CALLER);
    assert_eq!(both.matches("INSERT campaign.links").count(), 2, "{both}");
    assert_eq!(both.lines().count(), 2 * OVER_THE_QUEUE.lines().count(), "{both}");
    assert_eq!(collector.tree(of_submission, CALLER), OVER_THE_QUEUE);
    // One is refused before it comes to the database, and told so.
    assert!(!collector.tree(failing, CALLER).contains("lead.leads"));
    assert!(collector.tree(failing, CALLER).contains("process leads.resolved"));
    holds_nothing_personal(&collector, &system.acme.key);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_marked_where_it_happened() {
    let collector = Collector::start();
    let mut system = traced_system(&collector).await;
    let campaign = system.acme.campaign("Failing").await;
    system.execute("ALTER TABLE lead.leads ADD CONSTRAINT no CHECK (title IS NULL)").await;
    let request = system.acme.request(Method::POST, &format!("/v1/campaigns/{campaign}/leads"));
    let request = request.header("traceparent", traceparent(TRACES[0], "01"));
    let lead = json!({"leads": [{"phone": PERSONAL[0], "title": "CEO"}]});
    expect(500, request.json(&lead).send().await.expect("an answer")).await;
    system.stop().await;

    let spans = collector.spans();
    let failed = |service, name: &str| {
        let mut these = spans.iter().filter(|span: &&Span| {
            span.trace == TRACES[0] && span.service == service && span.name.starts_with(name)
        });
        these.next().unwrap_or_else(|| panic!("no {name}: {spans:#?}")).failed
    };
    assert!(failed("gateway", "POST"));
    assert!(failed("gateway", "send leads.submitted"));
    assert!(failed("lead-service", "process leads.submitted"));
    assert!(!failed("lead-service", "SELECT"));
    assert!(failed("lead-service", "COMMIT"));
    assert!(!failed("campaign-service", "process leads.resolved"));
    holds_nothing_personal(&collector, &system.acme.key);
}

/// By the standard's own settings, on the bus within the process, and exported when it stops.
#[tokio::test(flavor = "multi_thread")]
async fn one_process_is_three_services_in_a_trace() {
    let collector = Collector::start();
    let never = "600000";
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.url()),
        ("OTEL_BSP_SCHEDULE_DELAY", never),
        ("OTEL_TRACES_SAMPLER", "parentbased_always_off"),
    ];
    let up = Up::start(&settings).await;
    let campaign = up.acme.campaign("Traced").await;
    let caller = up.acme.with_key(&up.acme.key);
    add(&caller, campaign, &traceparent(TRACES[0], "01")).await;
    up.stop().await;

    let tree = collector.tree(TRACES[0], CALLER);
    // Its key may be remembered still.
    let without_key = |tree: &str| {
        let lines = tree.lines().filter(|line| !line.contains("api_keys"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(without_key(&tree), without_key(OVER_HTTP));
    let spans = collector.spans();
    assert!(spans.iter().all(|span| span.trace == TRACES[0]), "the sampler decides: {spans:#?}");
    holds_nothing_personal(&collector, &caller.key);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_harms_nobody() {
    // Nobody listens there.
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
        ("OTEL_BSP_SCHEDULE_DELAY", "20"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "8"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4"),
    ];
    let up = Up::start(&settings).await;
    let campaign = up.acme.campaign("Traced").await;
    for n in 0..50 {
        up.acme.add(campaign, json!([{"email": format!("{n}@example.com")}])).await;
    }
    let members = || async { (up.acme.members(campaign).await == 50).then_some(()) };
    eventually(LONG, members).await;
    let log = up.stop().await;
    let about = |text: &str| {
        let told =
            log.iter().filter(|line| line["message"].as_str().is_some_and(|it| it.contains(text)));
        told.count()
    };
    // Once for each of the services, if it came so far before the end.
    let (failing, last) = (about("cannot be exported"), about("were not exported"));
    assert!((1..=3).contains(&(failing.max(last))), "{log:#?}");
    let quiet = ["stopping", "cannot be exported", "were not exported"];
    let loud = log.iter().filter(|line| {
        let message = line["message"].as_str().unwrap_or_default();
        !quiet.iter().any(|known| message.contains(known))
    });
    assert_eq!(loud.collect::<Vec<_>>(), Vec::<&Value>::new());
}
