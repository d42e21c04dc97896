//! Recipes for a shell and for programs that call the API.

use reqwest::StatusCode;
use serde_json::Value;
use uuid::Uuid;

use super::{
    front::{Fate, Front, Seen},
    kitchen::Kitchen,
    page::Page,
};
use crate::{
    command::workplace::Ran,
    system::{System, each_of, expect},
};

/// A system with a campaign, and a front before it.
async fn system<const N: usize>(fates: [Fate; N]) -> (System, Uuid, Front) {
    let system = System::in_process().await;
    let campaign = system.acme.campaign("Spring").await;
    let front = Front::start(system.address(), fates).await;
    (system, campaign, front)
}

/// The emails of a campaign's leads.
async fn emails(system: &System, campaign: Uuid) -> Vec<Value> {
    let leads = system.acme.get(&format!("/v1/campaigns/{campaign}/leads")).await;
    let mut emails = each_of(&expect(200, leads).await["data"], "email");
    emails.sort_by_key(ToString::to_string);
    emails
}

/// Makes sure that these are one request again and again.
fn are_one(seen: &[Seen]) {
    let first = &seen[0].request;
    for Seen { request, .. } in seen {
        assert_eq!(request.header("idempotency-key"), first.header("idempotency-key"));
        assert_eq!((&request.line, &request.body), (&first.line, &first.body));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn curl() {
    let page = Page::read("curl.md");
    let (system, campaign, front) = system([Fate::Unavailable]).await;
    let kitchen = Kitchen::new(&front.address, &system.acme, campaign, &page).await;
    let ran = kitchen.run(&page.script).await;

    let seen = front.repeatable();
    assert_eq!(seen[0].fate, Fate::Unavailable);
    are_one(&seen[..2]);
    assert_eq!(ran.stdout.lines().last(), Some("2 added, 1 failed"), "{ran:?}");
    assert!(kitchen.place.read("rejected.txt").starts_with("3\tinvalid_phone\t"), "{ran:?}");
    let failed: Value = serde_json::from_str(&kitchen.place.read("failed.ndjson")).expect("a line");
    assert_eq!(failed["error"]["code"], "invalid_email");
    let expected = ["ann@example.com", "bob@example.com", "dan@example.com", "eve@example.com"];
    let mut expected = expected.map(Value::from).to_vec();
    expected.extend([Value::Null, Value::Null]);
    assert_eq!(emails(&system, campaign).await, expected, "{ran:?}");
}

/// Tries a page whose program adds leads, and then the program with more leads than a request holds.
async fn adds_leads(page: &str, again: &str, more: (&str, String)) -> (System, Uuid, Ran) {
    let page = Page::read(page);
    let (system, campaign, front) = system([Fate::Unavailable, Fate::AnswerLost]).await;
    let kitchen = Kitchen::new(&front.address, &system.acme, campaign, &page).await;
    let ran = kitchen.run(&page.script).await;
    assert_eq!(ran.stdout, "       2 added\n       1 error\n", "{ran:?}");
    assert!(ran.stderr.contains("call the office") && ran.stderr.contains("invalid_phone"));
    let seen = front.repeatable();
    let fates: Vec<_> = seen.iter().map(|seen| (seen.fate, seen.replayed)).collect();
    let (lost, answered) = ((Fate::AnswerLost, false), (Fate::Answered, true));
    assert_eq!(fates, [(Fate::Unavailable, false), lost, answered]);
    are_one(&seen);
    let ann = &system.acme.get("/v1/leads?email=ann@example.com").await;
    assert_eq!(ann.status(), StatusCode::OK);
    assert_eq!(emails(&system, campaign).await, [Value::from("ann@example.com"), Value::Null]);

    kitchen.place.write(more.0, more.1);
    let many = kitchen.run(again).await;
    assert_eq!(many.stdout, "    1001 added\n", "{many:?}");
    let keys: Vec<_> = front.repeatable();
    let keys: Vec<_> = keys.iter().map(|seen| seen.request.header("idempotency-key")).collect();
    assert!(keys.len() == 2 && keys[0] != keys[1], "{keys:?}");
    assert_eq!(system.acme.members(campaign).await, 1_003);
    (system, campaign, ran)
}

#[tokio::test(flavor = "multi_thread")]
async fn python() {
    let rows = (0..1_001).map(|n| format!("many{n}@example.com\n"));
    let more = ("more.csv", format!("email\n{}", rows.collect::<String>()));
    let again = "python3 add_leads.py \"$ROLLCALL_CAMPAIGN\" more.csv";
    adds_leads("python.md", again, more).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn typescript() {
    let rows = (0..1_001).map(|n| format!("{{\"email\": \"many{n}@example.com\"}}\n"));
    let again = "node add_leads.mjs \"$ROLLCALL_CAMPAIGN\" more.ndjson";
    adds_leads("typescript.md", again, ("more.ndjson", rows.collect())).await;
}

/// A refusal is no reason to try again.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_ends_them_at_once() {
    let (system, _, front) = system([]).await;
    let nowhere = Uuid::now_v7();
    for page in ["python.md", "typescript.md"] {
        let page = Page::read(page);
        let kitchen = Kitchen::new(&front.address, &system.acme, nowhere, &page).await;
        let output = kitchen.shell(&page.script).output().await.expect("it can be run");
        let ran = Ran::from(output);
        ran.failed(1, "not_found");
        assert_eq!(front.repeatable().len(), 1, "{ran:?}");
    }
}
