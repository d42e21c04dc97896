//! What is accepted, and what is refused without a trace.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use shared::settings::Settings;
use test_support::eventually;
use uuid::Uuid;

use super::{LONG, accepted, finished, leads, request, results, submit};
use crate::{
    bad_http::raw::{JSON, Raw, bearer},
    system::{System, each, expect},
};

async fn nothing_remains(system: &System) {
    eventually(LONG, async || {
        let rows = system.count("gateway.submissions").await
            + system.count("gateway.submission_chunks").await
            + system.count("gateway.callbacks").await
            + system.count("gateway.idempotency_keys").await;
        (rows == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_leaves_nothing_behind() {
    let system = System::in_process().await;
    let acme = &system.acme;
    let campaign = acme.campaign("Refused").await;
    let good = json!(leads(0..1_200)).to_string();
    let good = good.trim_matches(['[', ']']);
    let many = vec!["{}"; 100_001].join(",");
    let url = r#""callback_url":"http://127.0.0.1/""#;
    for (body, told) in [
        (String::new(), "Invalid JSON body"),
        ("[]".to_owned(), "Invalid JSON body"),
        ("{}".to_owned(), "leads"),
        (r#"{"leads":[]}"#.to_owned(), "leads"),
        (r#"{"leads":{}}"#.to_owned(), "leads must be an array"),
        (format!(r#"{{"leads":[{good},]}}"#), "Invalid JSON body"),
        (format!(r#"{{"leads":[{good}]"#), "Invalid JSON body"),
        (format!(r#"{{"leads":[{good}]}} {{}}"#), "Invalid JSON body"),
        (format!(r#"{{"leads":[{good},{{"a":tru}}]}}"#), "Invalid JSON body"),
        (format!(r#"{{"leads":[{good}],"leads":[{good}]}}"#), "Invalid JSON body"),
        (format!(r#"{{"leads":[{good}],"merge":"both"}}"#), "merge"),
        (format!(r#"{{"leads":[{good}],{url}}}"#), "callback_url"),
        (format!(r#"{{"leads":[{good},"{}"]}}"#, "x".repeat(70_000)), "65536 bytes"),
        (format!(r#"{{"leads":[{many}]}}"#), "100000"),
    ] {
        let request = request(acme, campaign).header("content-type", "application/json");
        let request = request.header("idempotency-key", "k").body(body);
        let refused = expect(400, request.send().await.expect("an answer")).await;
        let message = refused["error"]["message"].as_str().expect("text");
        assert!(message.contains(told), "{message} does not say {told}");
    }
    let lines = |body: &str| {
        let request = request(acme, campaign).header("content-type", "application/x-ndjson");
        request.body(body.to_owned()).send()
    };
    let refused = expect(400, lines("{}\n{\n").await.expect("an answer")).await;
    assert_eq!(refused["error"]["message"], "Invalid JSON in line 2");
    let text = request(acme, campaign).header("content-type", "text/csv").body("phone\n");
    expect(415, text.send().await.expect("an answer")).await;
    let body = json!({"leads": leads(0..2)});
    let unknown = request(acme, Uuid::nil()).json(&body);
    expect(404, unknown.send().await.expect("an answer")).await;

    // A caller who goes away in the middle.
    let mut raw = Raw::connect(&system).await;
    let head = format!(
        "POST /v1/campaigns/{campaign}/leads HTTP/1.1\r\nHost: x\r\n{}\r\n{JSON}\r\n\
         Prefer: respond-async\r\nContent-Length: 10000000\r\n\r\n{{\"leads\":[{good}",
        bearer(acme)
    );
    assert!(raw.send(head).await);
    eventually(LONG, async || (system.count("gateway.submission_chunks").await > 0).then_some(()))
        .await;
    drop(raw);
    nothing_remains(&system).await;

    // Who wants to wait may send less, and is told of the other way.
    let path = format!("/v1/campaigns/{campaign}/leads");
    let refused = expect(400, acme.post(&path, &json!({"leads": leads(0..1_001)})).await).await;
    let message = refused["error"]["message"].as_str().expect("text");
    assert!(message.contains("Prefer: respond-async"), "{message}");
}

/// Options stand anywhere in a document, and in the query string where the body holds lines.
#[tokio::test(flavor = "multi_thread")]
async fn options_work_in_both_formats() {
    let system = System::in_process().await;
    let acme = &system.acme;
    let campaign = acme.campaign("Options").await;
    let entry = r#"{"phone": "(512) 867-5309", "first_name": "Ann"}"#;
    let body = format!(r#"{{"leads": [{entry}], "other": [1], "default_region": "US"}}"#);
    let document = request(acme, campaign).header("content-type", "application/json").body(body);
    let location = accepted(document.send().await.expect("an answer")).await;
    assert_eq!(finished(acme, &location).await["summary"]["added"], 1);

    let path = format!("/v1/campaigns/{campaign}/leads?default_region=US&merge=overwrite");
    let lines = acme
        .request(Method::POST, &path)
        .header("prefer", "respond-async, wait=10")
        .header("content-type", "application/x-ndjson")
        .body("{\"phone\": \"512 867 5309\", \"first_name\": \"Bea\"}\r\n\r\n{\"email\": \"b@x.com\"}");
    let location = accepted(lines.send().await.expect("an answer")).await;
    let summary = finished(acme, &location).await["summary"].take();
    assert_eq!(
        summary,
        json!({"total": 2, "added": 1, "already_in_campaign": 1, "failed": 0, "suppressed": 0, "skipped": 0})
    );
    let results = results(acme, &location).await;
    assert_eq!(acme.lead(&results[0]["lead_id"]).await["first_name"], "Bea");
}

/// Over the borders of chunks, too; what looks at all entries at once is refused.
#[tokio::test(flavor = "multi_thread")]
async fn entries_may_be_skipped_suppressed_and_named() {
    let small = |settings: &mut Settings| settings.gateway.submission_chunk_leads = 2;
    let system = System::with(1, None, small).await;
    let acme = &system.acme;
    let campaign = acme.campaign("Skipped").await;
    let suppressed = json!({"suppressions": [{"email": "no@x.com", "reason": "asked"}]});
    expect(200, acme.post("/v1/suppressions", &suppressed).await).await;
    let mut body = json!({"skip_if_in_workspace": true, "leads": [
        {"phone": "+15550000001", "ref": "a"},
        {"phone": "+15550000002", "ref": "b"},
        {"phone": "+15550000001", "ref": "c"},
        {"email": "no@x.com", "ref": "d"},
        {"phone": "x", "ref": "=e"},
    ]});
    let location = submit(acme, campaign, &body).await;
    assert_eq!(
        finished(acme, &location).await["summary"],
        json!({"total": 5, "added": 2, "already_in_campaign": 0, "failed": 1, "suppressed": 1, "skipped": 1})
    );
    let results = json!({"results": results(acme, &location).await});
    assert_eq!(each(&results, "ref"), ["a", "b", "c", "d", "=e"]);
    assert_eq!(each(&results, "status"), ["added", "added", "skipped", "suppressed", "error"]);
    // Nothing is kept of who must not be contacted.
    assert_eq!(system.count("gateway.submission_chunks WHERE entries LIKE '%no@x.com%'").await, 0);
    let csv = acme.get(&format!("{location}/failed?format=csv")).await;
    let csv = csv.text().await.expect("a body");
    assert!(csv.lines().nth(1).expect("a row").starts_with("'=e,,x,"), "{csv}");

    for option in ["dry_run", "all_or_nothing"] {
        body[option] = json!(true);
        let refused = request(acme, campaign).json(&body).send().await.expect("an answer");
        let refused = expect(400, refused).await;
        assert!(refused["error"]["message"].as_str().expect("text").contains(option));
        body[option] = json!(false);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_makes_a_retry_the_same_submission() {
    let system = System::in_process().await;
    let acme = &system.acme;
    let campaign = acme.campaign("Keyed").await;
    let keyed =
        |body: &Value| request(acme, campaign).header("idempotency-key", "big").json(body).send();
    let body = json!({"leads": leads(0..1_100), "merge": "fill"});
    let twins = tokio::join!(keyed(&body), keyed(&body), keyed(&body));
    let mut locations = Vec::new();
    let mut replayed = 0;
    for twin in [twins.0, twins.1, twins.2] {
        let twin = twin.expect("an answer");
        replayed += usize::from(twin.headers().contains_key("idempotent-replayed"));
        locations.push(accepted(twin).await);
    }
    assert_eq!(replayed, 2);
    assert!(locations.iter().all(|location| *location == locations[0]), "{locations:?}");
    finished(acme, &locations[0]).await;
    let again = keyed(&body).await.expect("an answer");
    assert_eq!(accepted(again).await, locations[0]);
    let done = finished(acme, &locations[0]).await;
    assert_eq!(done["summary"]["added"], 1_100);

    let other = keyed(&json!({"leads": leads(0..1_100), "merge": "none"})).await;
    expect(422, other.expect("an answer")).await;
    // Who does not want to wait does not make the same request as who does.
    let path = format!("/v1/campaigns/{campaign}/leads");
    let waiting = acme.request(Method::POST, &path).header("idempotency-key", "big");
    expect(422, waiting.json(&json!({"leads": leads(0..1)})).send().await.expect("an answer"))
        .await;
    eventually(Duration::from_secs(10), async || {
        (system.count("gateway.submissions").await == 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_bounded() {
    let small = |settings: &mut Settings| {
        settings.gateway.max_waiting_leads = 1_000;
        settings.gateway.max_submission_bytes = 200_000;
    };
    let system = System::with(1, None, small).await;
    let campaign = system.acme.campaign("Bounded").await;
    let body = json!({"leads": leads(0..1_001)});
    let refused = request(&system.acme, campaign).json(&body).send().await.expect("an answer");
    assert_eq!(refused.headers()["retry-after"], "30");
    assert_eq!(expect(429, refused).await["error"]["code"], "rate_limited");
    let long = request(&system.acme, campaign).json(&json!({"leads": leads(0..6_000)}));
    expect(413, long.send().await.expect("an answer")).await;
    nothing_remains(&system).await;
    let location = submit(&system.acme, campaign, &json!({"leads": leads(0..1_000)})).await;
    assert_eq!(finished(&system.acme, &location).await["summary"]["added"], 1_000);
}
