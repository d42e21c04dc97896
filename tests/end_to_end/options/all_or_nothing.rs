//! Everything of a request, or nothing.

use reqwest::Method;
use serde_json::json;

use super::{statuses, written};
use crate::{
    on_both_buses,
    queue_door::door::Door,
    system::{System, each, expect},
};

on_both_buses!(one_bad_entry_refuses_all, without_one_all_is_applied);

async fn one_bad_entry_refuses_all(system: System) {
    let campaign = system.acme.campaign("All").await;
    let there = system.acme.add(campaign, json!([{"phone": "+15550000001"}])).await;
    let before = written(&system).await;
    let body = json!({"all_or_nothing": true, "merge": "overwrite", "leads": [
        {"phone": "+15550000001", "first_name": "Ann", "ref": "1"},
        {"phone": "+15550000002", "ref": "2"},
        {"phone": "nonsense", "ref": "3"},
        {"phone": "+15550000002"},
    ]});
    let path = format!("/v1/campaigns/{campaign}/leads");
    let post =
        || system.acme.request(Method::POST, &path).header("idempotency-key", "k").json(&body);
    let first = post().send().await.expect("an answer");
    assert!(!first.headers().contains_key("idempotent-replayed"));
    let answer = expect(400, first).await;
    assert_eq!(answer["error"]["code"], "bad_request");
    let data = &answer["data"];
    assert_eq!(data["campaign_id"], json!(campaign));
    let not_applied = "not_applied";
    assert_eq!(statuses(data), [not_applied, not_applied, "error", not_applied]);
    assert_eq!(each(data, "ref"), [&json!("1"), &json!("2"), &json!("3"), &json!(null)]);
    assert_eq!(data["results"][2]["error"]["code"], "invalid_phone");
    assert_eq!(
        data["summary"],
        json!({"total": 4, "added": 0, "already_in_campaign": 0, "failed": 1, "suppressed": 0,
               "skipped": 0, "not_applied": 3})
    );
    let [leads, links, records] = before;
    assert_eq!(written(&system).await, [leads, links, records + 1]);
    let lead = system.acme.lead(&there["results"][0]["lead_id"]).await;
    assert!(lead["first_name"].is_null(), "{lead}");

    // The refusal is the submission's result: the same again, though all could be applied by now.
    let again = post().send().await.expect("an answer");
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(expect(400, again).await["data"], answer["data"]);
}

async fn without_one_all_is_applied(system: System) {
    let campaign = system.acme.campaign("All").await;
    let leads = json!([{"phone": "+15550000001"}, {"phone": "+15550000001", "email": "a@x.com"}]);
    let data =
        system.acme.add_with(campaign, json!({"all_or_nothing": true, "leads": leads})).await;
    assert_eq!(statuses(&data), ["added", "already_in_campaign"]);
    let lead = system.acme.lead(&data["results"][0]["lead_id"]).await;
    assert_eq!(lead["email"], "a@x.com");
}

#[tokio::test(flavor = "multi_thread")]
async fn over_the_queue_the_results_stand_beside_the_error() {
    let mut door = Door::open().await;
    let mut submission = door.submission(json!([{"email": "a@x.com"}, {"email": "bad"}]));
    submission["all_or_nothing"] = json!(true);
    let good = door.submission(json!([{"email": "good@x.com"}]));
    let results = door.ask(json!([submission, good])).await;
    assert_eq!(results[0]["error"]["code"], "bad_request");
    assert_eq!(results[0]["submission_id"], submission["id"]);
    assert_eq!(statuses(&results[0]), ["not_applied", "error"]);
    assert_eq!(results[0]["summary"]["not_applied"], 1);
    assert_eq!(statuses(&results[1]), ["added"]);
    assert_eq!(door.system.count("lead.leads").await, 1);
    let again = door.ask(json!([submission])).await;
    assert_eq!(again[0], results[0]);
    // Whoever is answered knows; nothing is kept.
    door.no_letters().await;
}
