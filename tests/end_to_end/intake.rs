//! What comes in just now, as `GET /v1/intake` tells it.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use test_support::eventually;

use crate::system::{Caller, System, expect};

const LONG: Duration = Duration::from_secs(60);

fn sum(seconds: &Value) -> u64 {
    seconds.as_array().expect("seconds").iter().map(|count| count.as_u64().expect("a number")).sum()
}

/// What was told, as soon as the second is whole in which so many leads were added.
async fn told(caller: &Caller, added: u64) -> Value {
    eventually(LONG, || async {
        let told = expect(200, caller.get("/v1/intake").await).await["data"].take();
        (sum(&told["leads"]["added"]) == added).then_some(told)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn leads_and_requests_are_counted_for_their_workspace() {
    let system = System::in_process().await;
    let acme = &system.acme;
    let campaign = acme.campaign("Live").await;
    let path = format!("/v1/campaigns/{campaign}/leads");
    told(acme, 0).await;

    let leads = json!({"leads": [{"email": "a@x.com"}, {"email": "a@x.com"}, {"phone": "1"}]});
    let named = || acme.request(Method::POST, &path).header("idempotency-key", "one").json(&leads);
    for _ in 0..2 {
        // The second time nothing comes in.
        expect(200, named().send().await.expect("an answer")).await;
    }
    acme.add_with(campaign, json!({"leads": [{"email": "dry@x.com"}], "dry_run": true})).await;
    expect(400, acme.post(&path, &json!({"leads": []})).await).await;
    let big = acme.request(Method::POST, &path).header("prefer", "respond-async");
    let big = big.json(&json!({"leads": [{"email": "b@x.com"}, {"email": "c@x.com"}]}));
    expect(202, big.send().await.expect("an answer")).await;

    let told_all = told(acme, 3).await;
    let leads = &told_all["leads"];
    assert_eq!((sum(&leads["already_in_campaign"]), sum(&leads["failed"])), (1, 1));
    assert_eq!((sum(&told_all["requests"]), sum(&told_all["refused"])), (4, 1));
    for list in [&told_all["requests"], &leads["skipped"], &told_all["latency_ms"]["p95"]] {
        assert_eq!(list.as_array().map(Vec::len), Some(120));
    }
    let percentiles = |name: &str| {
        let seconds = told_all["latency_ms"][name].as_array().expect("seconds");
        seconds.iter().filter_map(Value::as_f64).collect::<Vec<_>>()
    };
    assert!(!percentiles("p50").is_empty() && percentiles("p50").iter().all(|ms| *ms > 0.0));
    assert!(percentiles("p50").iter().zip(percentiles("p95")).all(|(p50, p95)| *p50 <= p95));

    let globex = system.caller("Globex").await;
    assert_eq!(sum(&told(&globex, 0).await["requests"]), 0, "other workspaces see their own");
}
