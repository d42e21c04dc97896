//! A submission that comes again after its campaign has changed: it is answered as it was the first
//! time, and changes nothing.

use campaign_service::store::purge_removals;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use shared::database::Database;
use uuid::Uuid;

use crate::{
    on_both_buses,
    system::{System, each, expect, id},
};

on_both_buses!(
    a_replay_does_not_put_a_removed_lead_back,
    an_archived_campaign_takes_no_leads,
    an_archived_campaign_answers_replays,
    old_removals_are_forgotten,
);

/// Adds under a key.
async fn post(system: &System, campaign: Uuid, key: &str, leads: &Value) -> Response {
    let path = format!("/v1/campaigns/{campaign}/leads");
    let request = system.acme.request(Method::POST, &path).header("idempotency-key", key);
    request.json(&json!({"leads": leads})).send().await.expect("an answer")
}

/// The answers to requests under keys, each by the submission itself: the answers that the gateway
/// has kept are lost, as after a crash.
async fn answers(system: &System, campaign: Uuid, asked: &[(&str, &Value)]) -> Vec<Value> {
    system.execute("UPDATE gateway.idempotency_keys SET answer = NULL").await;
    let mut answers = Vec::new();
    for (key, leads) in asked {
        answers.push(expect(200, post(system, campaign, key, leads).await).await["data"].take());
    }
    answers
}

async fn archive(system: &System, campaign: Uuid, status: &str) {
    let path = format!("/v1/campaigns/{campaign}");
    expect(200, system.acme.patch(&path, &json!({"status": status})).await).await;
}

async fn a_replay_does_not_put_a_removed_lead_back(system: System) {
    let campaign = system.acme.campaign("Removals").await;
    let both = json!([{"email": "a@x.com"}, {"email": "a@x.com"}, {"email": "b@x.com"}]);
    let one = json!([{"email": "a@x.com"}]);
    let adding = [("adding", &both), ("finding", &one)];
    let first = answers(&system, campaign, &adding).await;
    let already = "already_in_campaign";
    assert_eq!(each(&first[0], "status"), ["added", already, "added"]);
    assert_eq!(each(&first[1], "status"), [already]);

    let lead = id(&first[0]["results"][0]["lead_id"]);
    let path = format!("/v1/campaigns/{campaign}/leads/{lead}");
    assert_eq!(system.acme.delete(&path).await.status(), 204);
    assert_eq!(answers(&system, campaign, &adding).await, first);
    assert_eq!(system.acme.members(campaign).await, 1, "the lead is back");

    // A new submission adds it again, whatever comes with it, and the old ones stay what they were.
    let all = [adding[0], ("again", &both), adding[1], ("late", &one)];
    let second = answers(&system, campaign, &all).await;
    assert_eq!((&second[0], &second[2]), (&first[0], &first[1]));
    assert_eq!(each(&second[1], "status"), ["added", already, already]);
    assert_eq!(each(&second[3], "status"), [already]);
    assert_eq!(system.acme.members(campaign).await, 2);
    assert_eq!(system.acme.delete(&path).await.status(), 204);
    assert_eq!(answers(&system, campaign, &all).await, second);
    assert_eq!(system.acme.members(campaign).await, 1);
}

async fn an_archived_campaign_takes_no_leads(system: System) {
    let campaign = system.acme.campaign("Archive").await;
    let (a, b) = (json!([{"email": "a@x.com"}]), json!([{"email": "b@x.com"}]));
    system.acme.add(campaign, a.clone()).await;
    let path = format!("/v1/campaigns/{campaign}/leads");
    let refused = async |leads: &Value| {
        let body = json!({"leads": leads});
        let refused = expect(409, system.acme.post(&path, &body).await).await;
        assert_eq!(refused["error"]["code"], "campaign_archived");
        let refused = expect(409, post(&system, campaign, "kept", leads).await).await;
        assert_eq!(refused["error"]["code"], "campaign_archived");
    };
    archive(&system, campaign, "archived").await;
    for leads in [&a, &b] {
        refused(leads).await;
    }
    assert_eq!(system.count("lead.leads").await, 1, "a lead was made for nothing");
    // The moment it is open again, adding works, under the key that was refused too.
    archive(&system, campaign, "active").await;
    expect(200, post(&system, campaign, "kept", &b).await).await;
    assert_eq!(system.acme.members(campaign).await, 2);

    // Archived behind the gateway's back: the campaign service has the last word.
    let archived = "UPDATE campaign.campaigns SET status = 'archived', archived_at = now()";
    system.execute(archived).await;
    let c = json!([{"email": "c@x.com"}]);
    let body = json!({"leads": c});
    for leads in [&a, &c] {
        let body = json!({"leads": leads});
        let refused = expect(409, system.acme.post(&path, &body).await).await;
        assert_eq!(refused["error"]["code"], "campaign_archived");
    }
    let opened = "UPDATE campaign.campaigns SET status = 'active', archived_at = NULL";
    system.execute(opened).await;
    let answer = expect(200, system.acme.post(&path, &body).await).await;
    assert_eq!(each(&answer["data"], "status"), ["added"]);
}

async fn an_archived_campaign_answers_replays(system: System) {
    let campaign = system.acme.campaign("Replays").await;
    let (a, b, none) = (json!([{"email": "a@x.com"}]), json!([{"email": "b@x.com"}]), json!([{}]));
    let asked = [("adding", &a), ("finding", &a), ("removed", &b), ("failing", &none)];
    let first = answers(&system, campaign, &asked).await;
    let removed = id(&first[2]["results"][0]["lead_id"]);
    let path = format!("/v1/campaigns/{campaign}/leads/{removed}");
    assert_eq!(system.acme.delete(&path).await.status(), 204);
    archive(&system, campaign, "archived").await;
    assert_eq!(answers(&system, campaign, &asked).await, first);
    // The answers that are remembered, too.
    for ((key, leads), first) in asked.iter().zip(&first) {
        let again = post(&system, campaign, key, leads).await;
        assert_eq!(again.headers()["idempotent-replayed"], "true");
        assert_eq!(expect(200, again).await["data"], *first);
    }
    assert_eq!(system.acme.members(campaign).await, 1);
}

/// Once no replay can come any more, nothing is left of a removed link but what was added again.
async fn old_removals_are_forgotten(system: System) {
    let campaign = system.acme.campaign("Old").await;
    let leads = json!([{"email": "a@x.com"}, {"email": "b@x.com"}, {"email": "c@x.com"}]);
    let added = system.acme.add(campaign, leads).await;
    let [a, b, _] = each(&added, "lead_id")[..] else { panic!("three leads") };
    let remove = async |lead: &Value| {
        let path = format!("/v1/campaigns/{campaign}/leads/{}", id(lead));
        assert_eq!(system.acme.delete(&path).await.status(), 204);
    };
    remove(a).await;
    remove(b).await;
    system.acme.add(campaign, json!([{"lead_id": b}])).await;
    let database = Database::new(&system.database.url(), 1).expect("a URL");
    let mut connection = database.connection().await.expect("connected");
    assert_eq!(purge_removals(&mut connection).await.expect("purged"), 0);
    for table in ["links", "removals"] {
        let later =
            format!("UPDATE campaign.{table} SET removed_at = removed_at - interval '8 days'");
        system.execute(&later).await;
    }
    assert_eq!(purge_removals(&mut connection).await.expect("purged"), 2);
    assert_eq!(system.count("campaign.removals").await, 0);
    assert_eq!(system.count("campaign.links").await, 2);
    assert_eq!(system.acme.members(campaign).await, 2);
    let again = system.acme.add(campaign, json!([{"lead_id": a}, {"lead_id": b}])).await;
    assert_eq!(each(&again, "status"), ["added", "already_in_campaign"]);
}
