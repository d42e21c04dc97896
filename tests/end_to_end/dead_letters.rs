//! Dead letters over HTTP, for who runs Rollcall.

use std::time::Duration;

use gateway::{
    keys::KeyOptions,
    scopes::{Scope, Scopes},
};
use reqwest::Method;
use serde_json::{Value, json};
use shared::bus::{Bus, Message, Queue, within};
use test_support::eventually;

use crate::system::{Caller, System, each_of, expect};

const LONG: Duration = Duration::from_secs(60);

async fn caller_with(system: &System, scopes: Vec<Scope>) -> Caller {
    let scopes = Scopes::new(scopes).expect("some");
    let options = KeyOptions { scopes, rate_limit: Some(0), ..KeyOptions::default() };
    system.caller_with("Acme", options).await
}

async fn publish(bus: &dyn Bus, id: &str, body: impl ToString) {
    let message = Message { message_id: Some(id.to_owned()), ..Message::new(body.to_string()) };
    bus.publish(Queue::Submitted, message, within(LONG)).await.expect("published");
}

/// The list, as soon as it has so many.
async fn letters(operator: &Caller, count: usize) -> Vec<Value> {
    eventually(LONG, || async {
        let listed = expect(200, operator.get("/v1/dead-letters").await).await;
        let rows = listed["data"].as_array().expect("a list").clone();
        (rows.len() == count && listed["meta"]["total"] == count).then_some(rows)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_listed_replayed_and_dropped() {
    let system = System::on_rabbitmq().await;
    let operator = caller_with(&system, vec![Scope::Operator]).await;
    let bus = system.bus();
    assert_eq!(letters(&operator, 0).await, Vec::<Value>::new());
    // Ids are their publishers' own.
    let ids = ["a/b c", "second", "ünï%2F?"];
    for (count, id) in (1..).zip(ids) {
        publish(&bus, id, "canary@x.com").await;
        letters(&operator, count).await;
    }

    let listed = letters(&operator, 3).await;
    assert_eq!(each_of(&json!(listed), "id"), ids, "oldest first");
    assert_eq!(
        (&listed[0]["source"], &listed[0]["bytes"]),
        (&json!("leads.submitted"), &json!(12))
    );
    assert!(listed[0]["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{listed:?}");
    assert!(!json!(listed).to_string().contains("canary"), "bodies hold personal data");
    let page = expect(200, operator.get("/v1/dead-letters?per_page=2").await).await;
    assert_eq!(each_of(&page["data"], "id"), ids[..2]);
    let cursor = page["meta"]["next_cursor"].as_str().expect("more");
    let rest = operator.get(&format!("/v1/dead-letters?per_page=2&cursor={cursor}")).await;
    let rest = expect(200, rest).await;
    assert_eq!(each_of(&rest["data"], "id"), ids[2..]);
    assert_eq!((&rest["meta"]["total"], &rest["meta"]["next_cursor"]), (&json!(3), &Value::Null));
    assert_eq!(letters(&operator, 3).await, listed, "looking changes nothing");

    // What can be understood by now is done now. Here it never can, and comes back, as the newest.
    for id in ["second", "none"] {
        let replayed = operator.request(Method::POST, &format!("/v1/dead-letters/{id}/replay"));
        let replayed = replayed.send().await.expect("an answer").status();
        assert_eq!(replayed, if id == "none" { 404 } else { 204 }, "{id}");
    }
    let listed = letters(&operator, 3).await;
    assert_eq!(each_of(&json!(listed), "id"), ["a/b c", "ünï%2F?", "second"]);
    for escaped in ["a%2Fb%20c", "%C3%BCn%C3%AF%252F%3F"] {
        let path = format!("/v1/dead-letters/{escaped}");
        assert_eq!(operator.delete(&path).await.status(), 204, "{escaped}");
        expect(404, operator.delete(&path).await).await;
    }
    assert_eq!(each_of(&json!(letters(&operator, 1).await), "id"), ["second"]);
    bus.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_does_what_could_not_be_done() {
    let system = System::on_rabbitmq().await;
    let operator = caller_with(&system, vec![Scope::Operator]).await;
    let campaign = system.acme.campaign("Replayed").await;
    let workspace = expect(200, system.acme.get("/v1/workspace").await).await["data"]["id"].take();
    let bus = system.bus();
    let submission = json!({"id": uuid::Uuid::now_v7(), "workspace_id": workspace,
                            "campaign_id": campaign, "leads": [{"email": "late@x.com"}]});
    // As a service leaves it that failed on it again and again.
    let body = json!({"submissions": [submission]}).to_string();
    let letter = Message { message_id: Some("late".to_owned()), ..Message::new(body) };
    let letter = letter.with_header("x-rollcall-source", "leads.submitted");
    bus.publish(Queue::DeadLetters, letter, within(LONG)).await.expect("published");
    letters(&operator, 1).await;
    let replay = operator.request(Method::POST, "/v1/dead-letters/late/replay").send().await;
    assert_eq!(replay.expect("an answer").status(), 204);
    eventually(LONG, || async { (system.acme.members(campaign).await == 1).then_some(()) }).await;
    letters(&operator, 0).await;

    // One of which nobody knows where it belongs stays until it is dropped.
    let letter = Message { message_id: Some("lost".to_owned()), ..Message::new("?") };
    bus.publish(Queue::DeadLetters, letter, within(LONG)).await.expect("published");
    letters(&operator, 1).await;
    let replay = operator.request(Method::POST, "/v1/dead-letters/lost/replay").send().await;
    let refused = expect(409, replay.expect("an answer")).await;
    assert_eq!(refused["error"]["code"], "conflict");
    assert_eq!(letters(&operator, 1).await[0]["source"], Value::Null);
    assert_eq!(operator.delete("/v1/dead-letters/lost").await.status(), 204);
    bus.close().await;
}

/// They are of all workspaces, so no workspace gives this scope to itself (`keys.rs`).
#[tokio::test(flavor = "multi_thread")]
async fn they_are_for_who_runs_rollcall() {
    let system = System::in_process().await;
    let admin = caller_with(&system, vec![Scope::Admin]).await;
    let refused = expect(403, admin.get("/v1/dead-letters").await).await;
    assert_eq!(refused["error"]["message"], "This key lacks the scope operator");
    let both = caller_with(&system, vec![Scope::Read, Scope::Operator]).await;
    let workspace = expect(200, both.get("/v1/workspace").await).await;
    assert_eq!(workspace["data"]["scopes"], json!(["read", "operator"]));
    // Without a broker, they are those of the process.
    assert_eq!(letters(&both, 0).await, Vec::<Value>::new());
    expect(404, both.delete("/v1/dead-letters/none").await).await;
}
