//! The same submission again (contract section 4).

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use shared::bus::{Bus, Message, Queue, rabbit::RabbitBus, within};
use test_support::TestVhost;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::system::{Caller, System, expect, id};

async fn publish(bus: &RabbitBus, body: &Value) -> Value {
    let request = Message::new(serde_json::to_vec(body).expect("JSON"));
    let deadline = within(Duration::from_secs(20));
    let reply = bus.call(Queue::Submitted, request, deadline).await.expect("a reply");
    serde_json::from_slice(&reply).expect("JSON")
}

async fn workspace(system: &System) -> Uuid {
    let answer: Value = system.acme.get("/v1/workspace").await.json().await.expect("a workspace");
    id(&answer["data"]["id"])
}

/// Marks alone cannot do this: the first entry's lead, found again by its phone, would be the one
/// that the second entry made.
#[tokio::test(flavor = "multi_thread")]
async fn a_published_submission_is_answered_the_same_again() {
    let system = System::on_rabbitmq().await;
    let bus = system.bus();
    let campaign = system.acme.campaign("Replay").await;
    system.acme.add(campaign, json!([{"phone": "+15550000001", "email": "a@x.com"}])).await;

    let submission = json!({
        "id": Uuid::now_v7(), "workspace_id": workspace(&system).await, "campaign_id": campaign,
        "leads": [
            {"phone": "+15550000002", "email": "a@x.com"},
            {"phone": "+15550000002"},
            {"phone": "nonsense"},
            {"phone": "+15550000002", "email": "a@x.com"},
        ],
    });
    let body = json!({"submissions": [submission]});
    let first = publish(&bus, &body).await;
    let result = &first["results"][0];
    assert_eq!(result["submission_id"], submission["id"]);
    assert_eq!(result["results"][0]["matched_by"], "email");
    assert_eq!(result["results"][0]["kept"], json!(["phone"]));
    assert_eq!(result["results"][1]["created"], true);
    assert_eq!(result["results"][3]["conflict"]["field"], "email");
    assert_eq!(publish(&bus, &body).await, first);
    // Twice in one message, and whatever has become of the leads since.
    let entry = json!({"lead_id": result["results"][1]["lead_id"], "phone": "+15550000003"});
    system.acme.add_with(campaign, json!({"leads": [entry], "merge": "overwrite"})).await;
    let twice = publish(&bus, &json!({"submissions": [submission, submission]})).await;
    assert_eq!(twice["results"], json!([first["results"][0], first["results"][0]]));
    assert_eq!(system.count("lead.leads").await, 2);

    let mut other = submission.clone();
    other["leads"][0]["first_name"] = json!("Ann");
    let refused = publish(&bus, &json!({"submissions": [other]})).await;
    assert_eq!(refused["results"][0]["error"]["code"], "idempotency_mismatch");
}

/// Both services presume by then that nothing is there already.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_after_many_new_leads_is_answered_the_same() {
    let system = System::on_rabbitmq().await;
    let bus = system.bus();
    let campaign = system.acme.campaign("Replay").await;
    let workspace_id = workspace(&system).await;
    let submission = |leads: Value| {
        let mut submission = json!({"id": Uuid::now_v7(), "leads": leads});
        submission["workspace_id"] = json!(workspace_id);
        submission["campaign_id"] = json!(campaign);
        submission
    };
    let first = submission(json!([{"email": "a@x.com"}, {"email": "a@x.com"}]));
    let answer = publish(&bus, &json!({"submissions": [first]})).await;
    // More than eight for each of the workers.
    for row in 0..40 {
        let new = submission(
            json!([{"email": format!("{row}@x.com"), "phone": format!("+155500001{row:02}")}]),
        );
        let answer = publish(&bus, &json!({"submissions": [new]})).await;
        assert_eq!(answer["results"][0]["summary"]["added"], 1);
    }
    let (new, known) =
        (submission(json!([{"email": "b@x.com"}])), submission(json!([{"email": "7@x.com"}])));
    let again = publish(&bus, &json!({"submissions": [new, first, known]})).await;
    assert_eq!(again["results"][0]["summary"]["added"], 1);
    assert_eq!(again["results"][1], answer["results"][0]);
    assert_eq!(again["results"][2]["summary"]["already_in_campaign"], 1);
    assert_eq!(system.count("lead.leads").await, 42);
    assert_eq!(system.count("campaign.links").await, 42);
}

async fn post_with_key(caller: &Caller, path: &str, key: &str, body: &Value) -> Response {
    let request = caller.request(Method::POST, path).header("idempotency-key", key);
    request.json(body).send().await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_makes_a_retry_the_same_submission() {
    let system = System::on_rabbitmq().await;
    let (acme, globex) = (&system.acme, system.caller("Globex").await);
    let campaign = acme.campaign("Keys").await;
    let path = format!("/v1/campaigns/{campaign}/leads");
    let body = json!({"leads": [{"phone": "+15550000001", "email": "a@x.com"}, {}]});

    let first = post_with_key(acme, &path, "k 1", &body).await;
    assert!(!first.headers().contains_key("idempotent-replayed"));
    let first = expect(200, first).await;
    assert_eq!(first["data"]["results"][0]["status"], "added");
    // Other spacing and order, the older prefix, another replica of the gateway: the same request.
    let respelt = json!({"leads": [{"email": "a@x.com", "phone": "+15550000001"}, {}]});
    for path in [path.clone(), format!("/functions/v1/api-gateway{path}")] {
        let again = post_with_key(acme, &path, "k 1", &respelt).await;
        assert_eq!(again.headers()["idempotent-replayed"], "true");
        assert_eq!(expect(200, again).await, first);
    }

    let other = json!({"leads": [{"phone": "+15550000002"}]});
    let refused = expect(422, post_with_key(acme, &path, "k 1", &other).await).await;
    assert_eq!(refused["error"]["code"], "idempotency_mismatch");
    let second = acme.campaign("Other").await;
    let other_path = format!("/v1/campaigns/{second}/leads");
    expect(422, post_with_key(acme, &other_path, "k 1", &body).await).await;

    // Another workspace's key of the same name is another key.
    let theirs = globex.campaign("Theirs").await;
    let path = format!("/v1/campaigns/{theirs}/leads");
    let answer = post_with_key(&globex, &path, "k 1", &other).await;
    assert!(!answer.headers().contains_key("idempotent-replayed"));
    expect(200, answer).await;

    for bad in ["", " ", &"k".repeat(256)] {
        expect(400, post_with_key(&globex, &path, bad, &other).await).await;
    }
    let twice = globex.request(Method::POST, &path).header("idempotency-key", "a");
    let twice = twice.header("idempotency-key", "b").json(&other).send().await;
    expect(400, twice.expect("an answer")).await;
}

/// However many come at once, they are one submission, and one of them made it.
#[tokio::test(flavor = "multi_thread")]
async fn twins_get_one_answer() {
    let system = System::with(2, Some(TestVhost::create().await), |_| {}).await;
    let campaign = system.acme.campaign("Twins").await;
    let path = format!("/v1/campaigns/{campaign}/leads");
    let leads: Vec<_> = (0..50).map(|n| json!({"phone": format!("+155500000{n:02}")})).collect();
    let body = json!({"leads": leads});
    let twins = (0..20).map(|_| post_with_key(&system.acme, &path, "twin", &body));
    let mut answers = Vec::new();
    let mut replayed = 0;
    for answer in join_all(twins).await {
        replayed += usize::from(answer.headers().contains_key("idempotent-replayed"));
        answers.push(expect(200, answer).await);
    }
    assert_eq!(replayed, 19);
    assert_eq!(answers[0]["data"]["summary"]["added"], 50);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(system.count("campaign.links").await, 50);
}

/// A gateway that died between claiming a key and keeping its answer: the retry finds out.
#[tokio::test(flavor = "multi_thread")]
async fn a_claimed_key_without_an_answer_is_answered() {
    let system = System::in_process().await;
    let campaign = system.acme.campaign("Crash").await;
    let path = format!("/v1/campaigns/{campaign}/leads");
    let body = json!({"leads": [{"phone": "+15550000001"}]});
    let first = expect(200, post_with_key(&system.acme, &path, "k", &body).await).await;
    system.execute("UPDATE gateway.idempotency_keys SET answer = NULL").await;
    let again = post_with_key(&system.acme, &path, "k", &body).await;
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(expect(200, again).await, first);
    assert_eq!(system.count("gateway.idempotency_keys WHERE answer IS NOT NULL").await, 1);
}

/// Whoever got a 200 finds the lead linked; whoever got none may ask again.
#[tokio::test(flavor = "multi_thread")]
async fn stopping_finishes_what_was_begun() {
    let mut system = System::on_rabbitmq().await;
    let campaign = system.acme.campaign("Stop").await;
    let path = format!("/v1/campaigns/{campaign}/leads");
    let mut callers = JoinSet::new();
    for n in 0..40 {
        let (acme, path) = (system.acme.clone(), path.clone());
        callers.spawn(async move {
            let mut added = 0;
            for m in 0..1_000 {
                let body = json!({"leads": [{"phone": format!("+1555{n:03}{m:04}")}]});
                let Ok(answer) = acme.request(Method::POST, &path).json(&body).send().await else {
                    return added;
                };
                match answer.status().as_u16() {
                    200 => added += 1,
                    503 => return added,
                    status => panic!("{status}: {:?}", answer.text().await),
                }
            }
            panic!("the gateway never stopped");
        });
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    system.stop().await;
    let mut added = 0;
    while let Some(caller) = callers.join_next().await {
        added += caller.expect("no panic");
    }
    let linked = system.count("campaign.links").await;
    assert!(added > 0 && added <= linked, "{added} answered, {linked} linked");
    // What was taken up but not answered is at most the one request of each caller.
    assert!(linked - added <= 40, "{added} answered, {linked} linked");
}
