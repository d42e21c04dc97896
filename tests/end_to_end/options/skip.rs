//! Passing over leads that are there already.

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use futures_util::{future::join_all, join};
use serde_json::{Value, json};
use shared::bus::{Bus, Message, Queue, rabbit::RabbitBus, within};
use test_support::{TestVhost, eventually};
use uuid::Uuid;

use super::statuses;
use crate::{
    on_both_buses,
    queue_door::door::{Door, LONG},
    system::System,
    tables::{deadlocks, rows},
};

on_both_buses!(leads_of_the_workspace_stay_untouched, leads_of_other_campaigns_stay_there);

async fn leads_of_the_workspace_stay_untouched(system: System) {
    let (one, other) = (system.acme.campaign("One").await, system.acme.campaign("Other").await);
    let made = system.acme.add(one, json!([{"phone": "+15550000001"}, {"email": "b@x.com"}])).await;
    let body = json!({"skip_if_in_workspace": true, "merge": "overwrite", "leads": [
        {"phone": "+15550000001", "first_name": "Ann", "shoe_size": 43},
        {"phone": "+15550000002", "first_name": "Ben"},
        {"phone": "+15550000002", "first_name": "Bea"},
        {"lead_id": made["results"][1]["lead_id"], "phone": "+15550000001"},
    ]});
    let data = system.acme.add_with(other, body).await;
    assert_eq!(statuses(&data), ["skipped", "added", "skipped", "skipped"]);
    assert_eq!(
        data["results"][0],
        json!({"index": 0, "lead_id": made["results"][0]["lead_id"], "status": "skipped",
               "reason": "in_workspace", "created": false, "matched_by": "phone",
               "warnings": [{"code": "unknown_field", "field": "shoe_size"}]})
    );
    assert_eq!(data["results"][2]["lead_id"], data["results"][1]["lead_id"]);
    assert_eq!(data["results"][3]["conflict"]["field"], "phone");
    assert_eq!(
        data["summary"],
        json!({"total": 4, "added": 1, "already_in_campaign": 0, "failed": 0, "suppressed": 0,
               "skipped": 3})
    );
    assert_eq!(system.acme.members(other).await, 1);
    assert!(system.acme.lead(&made["results"][0]["lead_id"]).await["first_name"].is_null());
    assert_eq!(system.acme.lead(&data["results"][1]["lead_id"]).await["first_name"], "Ben");
}

async fn leads_of_other_campaigns_stay_there(system: System) {
    let (one, other) = (system.acme.campaign("One").await, system.acme.campaign("Other").await);
    let both = json!({"email": "both@x.com"});
    let made = system.acme.add(one, json!([{"phone": "+15550000001"}, both])).await;
    system.acme.add(other, json!([both])).await;
    let body = json!({"skip_if_in_other_campaign": true, "leads": [
        {"phone": "+15550000001", "first_name": "Ann", "ref": "1"},
        {"phone": "+15550000002"},
        both,
        {"phone": "nonsense"},
        {"phone": "+15550000002"},
    ]});
    let data = system.acme.add_with(other, body.clone()).await;
    let already = "already_in_campaign";
    assert_eq!(statuses(&data), ["skipped", "added", already, "error", already]);
    assert_eq!(
        data["results"][0],
        json!({"index": 0, "ref": "1", "lead_id": made["results"][0]["lead_id"],
               "status": "skipped", "reason": "in_other_campaign", "created": false,
               "matched_by": "phone"})
    );
    assert_eq!(data["summary"]["skipped"], 1);
    assert_eq!(system.acme.members(other).await, 2);
    // Only the link is withheld: the lead's fields follow `merge`.
    assert_eq!(system.acme.lead(&made["results"][0]["lead_id"]).await["first_name"], "Ann");
    // Campaigns of other workspaces do not matter.
    let globex = system.caller("Globex").await;
    let theirs = globex.campaign("Theirs").await;
    let data = globex.add_with(theirs, body).await;
    assert_eq!(statuses(&data), ["added", "added", "added", "error", already]);
}

/// What was decided once is answered again, whatever has become of the links since.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_answered_the_same() {
    let mut door = Door::open().await;
    let elsewhere = door.system.acme.campaign("Elsewhere").await;
    door.system.acme.add(elsewhere, json!([{"email": "a@x.com"}])).await;
    let mut submission = door.submission(json!([{"email": "a@x.com"}, {"email": "b@x.com"}]));
    submission["skip_if_in_other_campaign"] = json!(true);
    let first = door.ask(json!([submission])).await;
    assert_eq!(statuses(&first[0]), ["skipped", "added"]);
    let removed = format!("DELETE FROM campaign.links WHERE campaign_id = '{elsewhere}'");
    door.system.execute(&removed).await;
    assert_eq!(door.ask(json!([submission])).await, first);
}

/// However many campaigns ask at once for the same lead, it gets into one. Nobody can keep what was
/// decided until several have begun to look, so without the lock they would all find nothing.
#[tokio::test(flavor = "multi_thread")]
async fn of_those_who_ask_at_once_one_wins() {
    const CAMPAIGNS: usize = 12;
    let vhost = TestVhost::create().await;
    let bus = RabbitBus::start(&vhost.amqp_url(), "test").expect("a URL");
    let mut system = System::with(3, Some(vhost), |_| {}).await;
    let workspace: Value = system.acme.get("/v1/workspace").await.json().await.expect("JSON");
    let mut submissions = Vec::new();
    for n in 0..CAMPAIGNS {
        let campaign = system.acme.campaign(&format!("Campaign {n}")).await;
        submissions.push(json!({
            "id": Uuid::now_v7(), "workspace_id": workspace["data"]["id"], "campaign_id": campaign,
            "skip_if_in_other_campaign": true, "leads": [{"phone": "+15550000001"}],
        }));
    }

    let mut door = AsyncPgConnection::establish(&system.database.url()).await.expect("connected");
    door.batch_execute("BEGIN; LOCK TABLE campaign.decisions IN SHARE MODE").await.expect("locked");
    let asking = join_all(submissions.iter().map(async |submission| {
        // A message each, so that they reach several linkers.
        let body = json!({"submissions": [submission]}).to_string();
        let request = Message::new(body);
        let reply = bus.call(Queue::Submitted, request, within(LONG)).await.expect("a reply");
        let mut reply: Value = serde_json::from_slice(&reply).expect("JSON");
        reply["results"][0]["results"][0]["status"].take()
    }));
    let opening = async {
        let waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
                       AND datname = current_database()";
        eventually(LONG, async || (rows(&system.database, waiting).await.len() > 1).then_some(()))
            .await;
        door.batch_execute("COMMIT").await.expect("unlocked");
    };
    let (answers, ()) = join!(asking, opening);
    let count = |status: &str| answers.iter().filter(|answer| *answer == status).count();
    assert_eq!((count("added"), count("skipped")), (1, CAMPAIGNS - 1), "{answers:?}");
    assert_eq!(system.count("campaign.links").await, 1);
    drop(door);
    system.stop().await;
    assert_eq!(deadlocks(&system.database).await, 0);
}
