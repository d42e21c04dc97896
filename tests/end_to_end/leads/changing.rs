//! `PATCH /v1/leads/{id}`.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    on_both_buses,
    system::{System, expect},
};

on_both_buses!(
    what_is_given_changes,
    a_lead_keeps_phone_or_email,
    what_another_lead_has_is_refused,
    another_workspace_changes_nothing,
);

async fn what_is_given_changes(system: System) {
    let made = json!({"phone": "+15550000001", "email": "a@x.com", "first_name": "Ann", "title": "CEO",
                      "company_size": "11-50", "custom_variables": {"a": 1, "b": 2}, "metadata": {"m": 1}});
    let made = system.acme.made(&made).await;
    let id = &made["id"];
    let fields = json!({"email": "B@x.com", "first_name": "Bea", "title": null, "company_size": " ",
                        "custom_variables": {"a": null, "b": "two", "c": {"d": null}}, "shoe_size": 43});
    let mut answer = expect(200, system.acme.change_lead(id, &fields).await).await;
    assert_eq!(answer["warnings"][0]["field"], "shoe_size");
    let changed = answer["data"].take();
    let mut expected = made.clone();
    expected["email"] = json!("b@x.com");
    expected["first_name"] = json!("Bea");
    expected["title"] = Value::Null;
    expected["company_size"] = Value::Null;
    expected["custom_variables"] = json!({"b": "two", "c": {"d": null}});
    expected["updated_at"] = changed["updated_at"].clone();
    assert_eq!(changed, expected);
    assert_ne!(changed["updated_at"], made["updated_at"]);

    // What changes nothing leaves no trace.
    for nothing in [
        json!({}),
        json!({"email": " b@X.com", "title": "", "metadata": {"m": 1}}),
        json!({"custom_variables": {"z": null}, "metadata": {}}),
    ] {
        let same = expect(200, system.acme.change_lead(id, &nothing).await).await;
        assert_eq!(same["data"], changed, "{nothing}");
    }
    let cleared = json!({"custom_variables": null, "metadata": null});
    let cleared = expect(200, system.acme.change_lead(id, &cleared).await).await;
    assert_eq!(cleared["data"]["custom_variables"], Value::Null);
    assert_eq!(cleared["data"]["metadata"], Value::Null);
    assert_eq!(system.acme.lead(id).await, cleared["data"]);
    // The old address is free again.
    system.acme.made(&json!({"email": "a@x.com"})).await;
}

async fn a_lead_keeps_phone_or_email(system: System) {
    let lead = system.acme.made(&json!({"phone": "+15550000001", "email": "a@x.com"})).await;
    for fields in [json!({"phone": null, "email": ""}), json!({"phone": "x"}), json!([])] {
        expect(400, system.acme.change_lead(&lead["id"], &fields).await).await;
    }
    expect(200, system.acme.change_lead(&lead["id"], &json!({"phone": null})).await).await;
    let refused =
        expect(400, system.acme.change_lead(&lead["id"], &json!({"email": null})).await).await;
    assert_eq!(refused["error"]["message"], "At least one of phone or email is required");
    let national = json!({"phone": "(512) 867-5309", "default_region": "US", "email": null});
    let changed = expect(200, system.acme.change_lead(&lead["id"], &national).await).await;
    assert_eq!(changed["data"]["phone"], "+15128675309");
}

async fn what_another_lead_has_is_refused(system: System) {
    let ann = system.acme.made(&json!({"phone": "+15550000001"})).await;
    let bob = system.acme.made(&json!({"email": "b@x.com"})).await;
    for (lead, fields, owner) in [
        (&bob, json!({"phone": "+15550000001", "first_name": "Bob"}), &ann),
        (&ann, json!({"email": "B@x.com"}), &bob),
    ] {
        let refused = expect(409, system.acme.change_lead(&lead["id"], &fields).await).await;
        assert_eq!(refused["error"]["code"], "conflict");
        assert_eq!(refused["error"]["lead_id"], owner["id"]);
        assert_eq!(&system.acme.lead(&lead["id"]).await, lead);
    }
    // Its own is nobody else's.
    let own = json!({"phone": "+15550000001", "title": "CEO"});
    expect(200, system.acme.change_lead(&ann["id"], &own).await).await;
}

async fn another_workspace_changes_nothing(system: System) {
    let globex = system.caller("Globex").await;
    let lead = system.acme.made(&json!({"phone": "+15550000001"})).await;
    let fields = json!({"first_name": "Eve"});
    let foreign = expect(404, globex.change_lead(&lead["id"], &fields).await).await;
    let unknown = expect(404, globex.change_lead(&json!(Uuid::now_v7()), &fields).await).await;
    assert_eq!(foreign, unknown, "no way to tell them apart");
    let foreign = expect(404, globex.delete_lead(&lead["id"]).await).await;
    assert_eq!(foreign, unknown);
    assert_eq!(system.acme.lead(&lead["id"]).await, lead);
}
