//! What would happen.

use std::collections::HashSet;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{statuses, written};
use crate::{
    dice::Dice,
    on_both_buses,
    queue_door::door::Door,
    system::{Caller, System, each},
};

on_both_buses!(a_dry_run_tells_and_writes_nothing);

async fn a_dry_run_tells_and_writes_nothing(system: System) {
    let campaign = system.acme.campaign("Dry").await;
    let there = system.acme.add(campaign, json!([{"phone": "+15550000001"}])).await;
    let before = written(&system).await;
    let body = json!({"dry_run": true, "leads": [
        {"phone": "+15550000001", "first_name": "Ann"},
        {"phone": "+15550000002"},
        {"phone": "+15550000002", "email": "b@x.com"},
        {"email": "c@x.com"},
        {"phone": "+15550000002", "email": "c@x.com"},
        {"phone": "nonsense"},
    ]});
    let data = system.acme.add_with(campaign, body.clone()).await;
    assert_eq!(data["dry_run"], true);
    let already = "already_in_campaign";
    assert_eq!(statuses(&data), [already, "added", already, "added", already, "error"]);
    assert_eq!(data["results"][0]["lead_id"], there["results"][0]["lead_id"]);
    for result in &data["results"].as_array().expect("results")[1..5] {
        assert_eq!(result.get("lead_id"), Some(&Value::Null), "{result}");
    }
    assert_eq!(data["results"][4]["conflict"], json!({"field": "email", "lead_id": null}));
    assert_eq!(each(&data, "created")[..5], [false, true, false, true, false]);
    assert_eq!(written(&system).await, before);
    assert!(system.acme.lead(&there["results"][0]["lead_id"]).await["first_name"].is_null());

    let mut real = body;
    real["dry_run"] = json!(false);
    let real = system.acme.add_with(campaign, real).await;
    assert!(real["dry_run"].is_null());
    same_but_for_ids(&data, &real);
}

/// The same id may be tried, then made; once made, it cannot be tried.
#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_leaves_its_id_free() {
    let mut door = Door::open().await;
    let real = door.submission(json!([{"email": "a@x.com"}]));
    let mut dry = real.clone();
    dry["dry_run"] = json!(true);
    let results = door.ask(json!([dry, dry, real, dry])).await;
    assert_eq!(results[0]["dry_run"], true);
    assert_eq!(results[0], results[1]);
    assert_eq!(statuses(&results[0]), ["added"]);
    assert_eq!(statuses(&results[2]), ["added"]);
    assert_eq!(results[3]["error"]["code"], "idempotency_mismatch");
    assert_eq!(door.system.count("campaign.links").await, 1);
}

/// With nobody else writing, what a dry run tells is what happens right after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_foretells_what_happens() {
    let mut dice = Dice::thrown();
    let system = System::in_process().await;
    let campaigns = [system.acme.campaign("One").await, system.acme.campaign("Other").await];
    let suppressed = json!({"suppressions": [{"phone": phone(0)}, {"email": email(0)}]});
    crate::system::expect(200, system.acme.post("/v1/suppressions", &suppressed).await).await;
    let mut known = Vec::new();
    for _ in 0..80 {
        let campaign = dice.pick(&campaigns);
        let mut body = body(&mut dice, &known);
        body["dry_run"] = json!(true);
        let before = written(&system).await;
        let (status, told) = post(&system.acme, campaign, &body).await;
        assert_eq!(written(&system).await, before, "{body}");
        body["dry_run"] = json!(false);
        let (happened, real) = post(&system.acme, campaign, &body).await;
        assert_eq!(status, happened, "{body}: {told} {real}");
        assert_eq!(told["data"]["dry_run"], true);
        assert_eq!(told["error"], real["error"], "{body}");
        same_but_for_ids(&told["data"], &real["data"]);
        let ids = each(&real["data"], "lead_id").into_iter().filter(|id| !id.is_null());
        known.extend(ids.cloned());
    }
    assert!(known.len() > 20, "hardly anything happened");
}

async fn post(caller: &Caller, campaign: Uuid, body: &Value) -> (u16, Value) {
    let response = caller.post(&format!("/v1/campaigns/{campaign}/leads"), body).await;
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

/// Few people, so that they meet, and any combination of options.
fn body(dice: &mut Dice, known: &[Value]) -> Value {
    let leads: Vec<_> = (0..=dice.below(5)).map(|_| entry(dice, known)).collect();
    let mut body = json!({"leads": leads, "merge": dice.pick(&["fill", "overwrite", "none"])});
    for option in ["all_or_nothing", "skip_if_in_workspace", "skip_if_in_other_campaign"] {
        body[option] = json!(dice.percent(30));
    }
    body
}

fn entry(dice: &mut Dice, known: &[Value]) -> Value {
    let mut entry = Map::new();
    if !known.is_empty() && dice.percent(20) {
        entry.insert("lead_id".to_owned(), known[dice.below(known.len() as u64) as usize].clone());
    }
    if dice.percent(60) {
        entry.insert("phone".to_owned(), json!(phone(dice.below(20))));
    }
    if dice.percent(60) {
        entry.insert("email".to_owned(), json!(email(dice.below(20))));
    }
    if dice.percent(30) {
        entry.insert("first_name".to_owned(), json!(dice.pick(&["Ann", "Ben"])));
    }
    Value::Object(entry)
}

fn phone(person: u64) -> String {
    format!("+1555{person:07}")
}

fn email(person: u64) -> String {
    format!("{person}@example.com")
}

/// Holds a dry run's data against the real one's: where it told no id, the lead was made by then.
fn same_but_for_ids(told: &Value, real: &Value) {
    let results = |data: &Value| data["results"].as_array().expect("results").clone();
    let mut made = HashSet::new();
    for (mut told, mut real) in results(told).into_iter().zip(results(real)) {
        if real["created"] == true {
            made.insert(real["lead_id"].clone());
        }
        for id in ["/lead_id", "/conflict/lead_id"] {
            if let (Some(told), Some(real)) = (told.pointer_mut(id), real.pointer_mut(id)) {
                if told.is_null() {
                    assert!(made.contains(real), "{real} was there before");
                }
                if made.contains(real) {
                    *real = Value::Null;
                }
            }
        }
        assert_eq!(told, real);
    }
    assert_eq!(told["summary"], real["summary"]);
}
