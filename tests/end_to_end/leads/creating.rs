//! `POST /v1/leads`.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use shared::{
    bus::{Bus, Message, Queue, within},
    contract::{LeadFields, LeadRequest},
};
use std::time::Duration;
use uuid::Uuid;

use crate::{
    on_both_buses,
    system::{System, each, expect, id},
};

on_both_buses!(
    a_lead_is_made_as_documented,
    what_is_wrong_is_told_by_its_field,
    one_lead_for_each_phone_and_email,
    of_many_at_once_one_is_made,
    an_idempotency_key_stands_for_the_lead,
);

async fn a_lead_is_made_as_documented(system: System) {
    let fields = json!({
        "phone": "+1 (555) 123-4567", "email": "Ann@Example.com", "first_name": "Ann",
        "last_name": "Lee", "company_name": "Acme", "title": "CEO",
        "linkedin_url": "https://linkedin.com/in/ann", "company_website": "https://acme.com",
        "job_description": "Leads\nall of it", "company_size": "11-50",
        "custom_variables": {"vip": true, "tags": ["a", 1, null]}, "metadata": {"crm": {"id": 7}},
    });
    let lead = system.acme.made(&fields).await;
    assert_eq!(
        (&lead["phone"], &lead["email"]),
        (&json!("+15551234567"), &json!("ann@example.com"))
    );
    for (field, value) in fields.as_object().expect("an object").iter().skip(2) {
        if field != "phone" && field != "email" {
            assert_eq!(&lead[field], value, "{field}");
        }
    }
    assert_eq!((&lead["status"], &lead["source"]), (&json!("pending"), &json!("api")));
    assert_eq!(lead["created_at"], lead["updated_at"]);
    assert_eq!(system.acme.lead(&lead["id"]).await, lead);

    // The main endpoint finds it, and so it is in a campaign.
    let campaign = system.acme.campaign("Spring").await;
    let answer = system.acme.add(campaign, json!([{"email": "ann@example.com"}])).await;
    assert_eq!(answer["results"][0]["lead_id"], lead["id"]);
    assert_eq!(answer["results"][0]["created"], false);

    // The least of a lead, a national number, and what is not known.
    let least = json!({"phone": "(512) 867-5309", "default_region": "US", "shoe_size": 43});
    let answer = expect(201, system.acme.post("/v1/leads", &least).await).await;
    assert_eq!(answer["data"]["phone"], "+15128675309");
    assert_eq!(answer["data"]["custom_variables"], Value::Null);
    assert_eq!(answer["warnings"], json!([{"code": "unknown_field", "field": "shoe_size"}]));
}

async fn what_is_wrong_is_told_by_its_field(system: System) {
    for (fields, told) in [
        (json!({}), "phone or email"),
        (json!({"phone": " ", "email": null, "first_name": "Ann"}), "phone or email"),
        (json!({"phone": "555-0100"}), "phone"),
        (json!({"email": "nobody"}), "email"),
        (json!({"email": "a@x.com", "company_size": 50}), "company_size"),
        (json!({"email": "a@x.com", "job_description": "x".repeat(10_001)}), "job_description"),
        (json!({"email": "a@x.com", "metadata": [1]}), "metadata"),
        (json!({"email": "a@x.com", "custom_variables": {"a": "\u{0}"}}), "custom_variables"),
        (json!({"email": "a@x.com", "lead_id": Uuid::now_v7()}), "lead_id"),
        (json!({"email": "a@x.com", "default_region": "Texas"}), "default_region"),
        (json!([{"email": "a@x.com"}]), "Invalid JSON body"),
    ] {
        let refused = expect(400, system.acme.post("/v1/leads", &fields).await).await;
        assert_eq!(refused["error"]["code"], "bad_request", "{fields}");
        let message = refused["error"]["message"].as_str().expect("text");
        assert!(message.contains(told), "{fields}: {message}");
    }
    let large = json!({"email": "a@x.com", "title": "x".repeat(600_000)});
    expect(413, system.acme.post("/v1/leads", &large).await).await;
    assert_eq!(system.count("lead.leads").await, 0);
}

async fn one_lead_for_each_phone_and_email(system: System) {
    let first = system.acme.made(&json!({"phone": "+15550000001"})).await;
    let second = system.acme.made(&json!({"email": "b@x.com"})).await;
    for (fields, owner) in [
        (json!({"phone": "001 555 000 0001"}), &first),
        (json!({"email": "B@X.com", "phone": "+15550000009"}), &second),
        (json!({"email": "b@x.com", "phone": "+15550000001"}), &first),
    ] {
        let refused = expect(409, system.acme.post("/v1/leads", &fields).await).await;
        assert_eq!(refused["error"]["code"], "conflict", "{fields}");
        assert_eq!(refused["error"]["lead_id"], owner["id"], "{fields}");
    }
    assert_eq!(system.count("lead.leads").await, 2);

    // Another workspace's leads are in nobody's way.
    let globex = system.caller("Globex").await;
    let own = globex.made(&json!({"phone": "+15550000001", "email": "b@x.com"})).await;
    assert_ne!(own["id"], first["id"]);
}

async fn of_many_at_once_one_is_made(system: System) {
    let campaign = system.acme.campaign("Many").await;
    let fields = json!({"phone": "+15550000001"});
    let singles = join_all((0..20).map(|_| system.acme.post("/v1/leads", &fields)));
    let leads = json!([fields]);
    let entries = join_all((0..20).map(|_| system.acme.add(campaign, leads.clone())));
    let (singles, entries) = tokio::join!(singles, entries);
    let by_pipeline = entries.iter().filter(|answer| each(answer, "created") == [true]).count();
    let by_request = singles.iter().filter(|answer| answer.status() == 201).count();
    assert_eq!(by_pipeline + by_request, 1);
    for answer in singles.into_iter().filter(|answer| answer.status() != 201) {
        let refused = expect(409, answer).await;
        assert_eq!(refused["error"]["lead_id"], entries[0]["results"][0]["lead_id"]);
    }
    assert_eq!(system.acme.leads(&[]).await["meta"]["total"], 1);
}

async fn an_idempotency_key_stands_for_the_lead(system: System) {
    let post = async |key: &str, fields: &Value| {
        let request = system.acme.request(Method::POST, "/v1/leads").header("idempotency-key", key);
        request.json(fields).send().await.expect("an answer")
    };
    // A refused request does not use its key up.
    expect(400, post("one", &json!({"phone": "555"})).await).await;
    let fields = json!({"phone": "+15550000001", "first_name": "Ann"});
    let first = expect(201, post("one", &fields).await).await;
    let again = post("one", &json!({"first_name": "Ann", "phone": "+15550000001"})).await;
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(expect(201, again).await, first);
    let other = expect(422, post("one", &json!({"phone": "+15550000002"})).await).await;
    assert_eq!(other["error"]["code"], "idempotency_mismatch");
    expect(409, post("two", &fields).await).await;

    // Nothing personal is kept with the key, and what was deleted does not come back.
    assert_eq!(system.count("gateway.idempotency_keys WHERE answer IS NOT NULL").await, 0);
    system.acme.delete_lead(&first["data"]["id"]).await;
    expect(404, post("one", &fields).await).await;
    expect(201, post("two", &fields).await).await;
    assert_eq!(system.count("lead.leads").await, 1);
}

/// The bus repeats a request whose reply was lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_repeated_is_answered_the_same() {
    let system = System::on_rabbitmq().await;
    let bus = system.bus();
    let workspace = expect(200, system.acme.get("/v1/workspace").await).await;
    let workspace_id = id(&workspace["data"]["id"]);
    let ask = async |request: &LeadRequest| -> Value {
        let request = Message::new(serde_json::to_vec(request).expect("JSON"));
        let reply = bus.call(Queue::LeadRequests, request, within(Duration::from_secs(30))).await;
        serde_json::from_slice(&reply.expect("a reply")).expect("JSON")
    };
    let fields = |json: &str| LeadFields { json: json.to_owned(), default_region: None };
    let id = Uuid::now_v7();
    let create =
        LeadRequest::Create { workspace_id, id, fields: fields(r#"{"phone":"+15550000001"}"#) };
    let change =
        LeadRequest::Change { workspace_id, id, fields: fields(r#"{"first_name":"Ann"}"#) };
    let delete = |request_id| LeadRequest::Delete { workspace_id, id, request_id };
    let deletion = delete(Uuid::now_v7());
    for request in [&create, &change, &deletion] {
        let first = ask(request).await;
        assert!(first.get("ok").is_some(), "{first}");
        assert_eq!(ask(request).await, first);
    }
    for late in [&create, &change, &delete(Uuid::now_v7())] {
        assert_eq!(ask(late).await["error"]["code"], "not_found", "{late:?}");
    }
    assert_eq!(system.acme.leads(&[]).await["meta"]["total"], 0);
}
