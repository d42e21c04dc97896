//! Whom not to contact (docs/api.md, "Suppressions").

use reqwest::Method;
use serde_json::{Value, json};
use test_support::TestVhost;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    on_both_buses,
    queue_door::door::Door,
    system::{Caller, System, each, expect},
};

on_both_buses!(
    the_list_is_kept,
    whoever_is_on_it_is_left_alone,
    ten_thousand_in_one_request,
    what_is_wrong_is_told,
    workspaces_do_not_share_it,
);

const PATH: &str = "/v1/suppressions";

async fn suppress(caller: &Caller, suppressions: Value) -> Value {
    let body = json!({"suppressions": suppressions});
    expect(200, caller.post(PATH, &body).await).await["data"].take()
}

async fn lift(caller: &Caller, query: &str) -> u16 {
    let path = format!("{PATH}?{query}");
    let answer = caller.request(Method::DELETE, &path).send().await.expect("an answer");
    answer.status().as_u16()
}

async fn list(caller: &Caller, query: &str) -> Value {
    expect(200, caller.get(&format!("{PATH}?{query}")).await).await
}

async fn the_list_is_kept(system: System) {
    let acme = &system.acme;
    let data = suppress(
        acme,
        json!([
            {"phone": "+1 (555) 000-0001", "reason": "asked on the phone"},
            {"email": "A@X.com"},
            {"phone": "+15550000001"},
            {"phone": "555"},
            {"phone": "+15550000002", "email": "b@x.com"},
        ]),
    )
    .await;
    let already = "already_suppressed";
    assert_eq!(each(&data, "status"), ["added", "added", already, "error", "error"]);
    assert_eq!(each(&data, "index"), [0, 1, 2, 3, 4]);
    assert_eq!(data["results"][3]["error"]["code"], "invalid_phone");
    assert_eq!(data["results"][4]["error"]["code"], "invalid_entry");
    assert_eq!(
        data["summary"],
        json!({"total": 5, "added": 2, "already_suppressed": 1, "failed": 2})
    );
    let again = suppress(acme, json!([{"email": "a@x.com", "reason": "twice"}])).await;
    assert_eq!(each(&again, "status"), [already]);

    let all = list(acme, "per_page=1").await;
    assert_eq!(all["meta"]["total"], 2);
    assert_eq!(all["data"][0]["email"], "a@x.com", "{all}");
    assert_eq!(all["data"][0]["reason"], Value::Null);
    let cursor = all["meta"]["next_cursor"].as_str().expect("a cursor");
    let second = list(acme, &format!("per_page=1&cursor={cursor}")).await;
    assert_eq!(list(acme, "per_page=1&page=2").await["data"], second["data"]);
    assert_eq!(second["meta"]["next_cursor"], Value::Null);
    assert_eq!(second["data"][0]["phone"], "+15550000001", "{second}");
    assert_eq!(second["data"][0]["reason"], "asked on the phone");
    let found = list(acme, "phone=%2B1%20555%20000%200001").await;
    assert_eq!(
        (found["data"][0].clone(), &found["meta"]["total"]),
        (second["data"][0].clone(), &json!(1))
    );
    assert_eq!(list(acme, "email=b%40x.com").await["data"], json!([]));

    // A + that nobody escaped is understood.
    assert_eq!(lift(acme, "phone=+15550000001").await, 204);
    assert_eq!(lift(acme, "phone=%2B15550000001").await, 404);
    assert_eq!(lift(acme, "email=A%40x.com").await, 204);
    assert_eq!(list(acme, "").await["meta"]["total"], 0);
    let again = suppress(acme, json!([{"email": "a@x.com"}])).await;
    assert_eq!(each(&again, "status"), ["added"]);
}

async fn whoever_is_on_it_is_left_alone(system: System) {
    let (acme, campaign) = (&system.acme, system.acme.campaign("Quiet").await);
    let made = json!([{"phone": "+15550000001", "email": "a@x.com"}, {"email": "b@x.com"}]);
    let made = acme.add(campaign, made).await;
    let [ann, bob] = [&made["results"][0]["lead_id"], &made["results"][1]["lead_id"]];
    suppress(acme, json!([{"email": "a@x.com", "reason": "asked"}, {"phone": "+15550000003"}]))
        .await;

    let other = acme.campaign("Other").await;
    // By a contact of the lead that no entry brings.
    let data = acme.add(other, json!([{"lead_id": ann}])).await;
    assert_eq!(each(&data, "field"), ["email"]);
    let leads = json!([
        {"email": "a@x.com"},
        // The lead's other contact, found by phone and by id.
        {"phone": "+15550000001", "first_name": "Ann", "ref": "2"},
        {"lead_id": ann},
        // A new lead, and a new phone for an old one.
        {"phone": "+15550000003", "email": "new@x.com"},
        {"email": "b@x.com", "phone": "+15550000003"},
        {"email": "b@x.com", "first_name": "Bob"},
        {"phone": "+15550000004"},
    ]);
    let body = json!({"merge": "overwrite", "leads": leads});
    let data = acme.add_with(other, body.clone()).await;
    let s = "suppressed";
    assert_eq!(each(&data, "status"), [s, s, s, s, s, "added", "added"]);
    let (email, phone) = (json!("email"), json!("phone"));
    let none = Value::Null;
    assert_eq!(each(&data, "field"), [&email, &email, &email, &phone, &phone, &none, &none]);
    assert_eq!(
        data["results"][1],
        json!({"index": 1, "ref": "2", "status": s, "field": "email", "reason": "asked"})
    );
    assert_eq!(data["results"][3].get("reason"), None);
    assert_eq!(
        data["summary"],
        json!({"total": 7, "added": 2, "already_in_campaign": 0, "failed": 0, "suppressed": 5,
               "skipped": 0})
    );
    assert!(acme.lead(ann).await["first_name"].is_null());
    assert_eq!(acme.lead(bob).await["phone"], Value::Null);
    assert_eq!(acme.members(other).await, 2);
    // What was there before stays.
    assert_eq!(acme.members(campaign).await, 2);

    // All or nothing: a suppressed entry is a failure.
    let mut whole = body;
    whole["all_or_nothing"] = json!(true);
    let path = format!("/v1/campaigns/{other}/leads");
    let refused = expect(400, acme.post(&path, &whole).await).await;
    assert_eq!(refused["data"]["summary"]["suppressed"], 5);
    assert_eq!(refused["data"]["summary"]["not_applied"], 2);

    assert_eq!(lift(acme, "email=a@x.com").await, 204);
    let data = acme.add(other, json!([{"lead_id": ann}])).await;
    assert_eq!(each(&data, "status"), ["added"]);
}

async fn ten_thousand_in_one_request(system: System) {
    let phone = |n: usize| json!({"phone": format!("+1555{n:07}"), "reason": "r".repeat(200)});
    let many: Vec<_> = (0..10_000).map(phone).collect();
    let data = suppress(&system.acme, json!(many)).await;
    assert_eq!(data["summary"]["added"], 10_000);
    assert_eq!(list(&system.acme, "").await["meta"]["total"], 10_000);
    let campaign = system.acme.campaign("Many").await;
    let leads: Vec<_> = (9_500..10_500).map(|n| json!({"phone": format!("+1555{n:07}")})).collect();
    let data = system.acme.add(campaign, json!(leads)).await;
    assert_eq!(
        (&data["summary"]["suppressed"], &data["summary"]["added"]),
        (&json!(500), &json!(500))
    );
    let body = json!({"suppressions": vec![json!({"phone": "+15550000001"}); 10_001]});
    expect(400, system.acme.post(PATH, &body).await).await;
}

async fn what_is_wrong_is_told(system: System) {
    for body in [
        json!({}),
        json!([]),
        json!({"suppressions": {}}),
        json!({"suppressions": []}),
        json!({"suppressions": [{"email": "a@x.com"}], "default_region": "Texas"}),
    ] {
        let told = expect(400, system.acme.post(PATH, &body).await).await;
        assert_eq!(told["error"]["code"], "bad_request", "{body}");
    }
    for query in ["", "phone=555", "email=nobody", "phone=%2B15550000001&email=a@x.com"] {
        assert_eq!(lift(&system.acme, query).await, 400, "{query}");
    }
    let national = json!({"suppressions": [{"phone": "(512) 867-5309"}], "default_region": "US"});
    let answer = expect(200, system.acme.post(PATH, &national).await).await;
    assert_eq!(answer["data"]["results"][0]["status"], "added");
    let put = system.acme.request(Method::PUT, PATH).send().await.expect("an answer");
    assert_eq!(expect(405, put).await["error"]["code"], "method_not_allowed");
}

async fn workspaces_do_not_share_it(system: System) {
    let globex = system.caller("Globex").await;
    suppress(&system.acme, json!([{"email": "a@x.com"}])).await;
    assert_eq!(list(&globex, "").await["meta"]["total"], 0);
    assert_eq!(lift(&globex, "email=a@x.com").await, 404);
    let data = globex.add(globex.campaign("Theirs").await, json!([{"email": "a@x.com"}])).await;
    assert_eq!(each(&data, "status"), ["added"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_the_queue_it_counts_as_well_and_replays_are_answered_the_same() {
    let mut door = Door::open().await;
    let before = door.submission(json!([{"email": "a@x.com"}]));
    let first = door.ask(json!([before])).await;
    suppress(&door.system.acme, json!([{"email": "a@x.com"}])).await;
    let after = door.submission(json!([{"email": "a@x.com"}]));
    let refused = door.ask(json!([after])).await;
    assert_eq!(refused[0]["results"][0]["status"], "suppressed");
    assert_eq!(refused[0]["summary"]["suppressed"], 1);
    assert_eq!(lift(&door.system.acme, "email=a@x.com").await, 204);
    // Each submission is answered what it was answered first.
    assert_eq!(door.ask(json!([before, after])).await, [first, refused].concat());
}

/// Once the list has taken a contact, no later request gets through, whoever else is writing.
#[tokio::test(flavor = "multi_thread")]
async fn once_answered_nobody_gets_through() {
    let mut system = System::with(2, Some(TestVhost::create().await), |_| {}).await;
    let campaign = system.acme.campaign("Race").await;
    let mut people = JoinSet::new();
    for person in 0..12 {
        people.spawn(race(system.acme.clone(), campaign, person));
    }
    people.join_all().await;
    system.stop().await;
}

/// Asks for one person again and again, and suppresses him meanwhile.
async fn race(caller: Caller, campaign: Uuid, person: u32) {
    let email = format!("{person}@x.com");
    let ask = async || {
        let data =
            caller.add(campaign, json!([{"email": email, "phone": format!("+1555{person:07}")}]));
        data.await["results"][0]["status"].clone()
    };
    let list = async {
        for _ in 0..person % 4 {
            ask().await;
        }
        suppress(&caller, json!([{"email": email}])).await;
        for _ in 0..5 {
            assert_eq!(ask().await, "suppressed");
        }
    };
    let others = async {
        let mut suppressed = false;
        for _ in 0..20 {
            let status = ask().await;
            assert!(!suppressed || status == "suppressed", "{status} after suppressed");
            suppressed |= status == "suppressed";
        }
    };
    futures_util::join!(list, others);
}
