//! JSON objects of the caller's own making, on every way in.

use serde_json::{Value, json};

use crate::{
    bad_http::raw::{leads_of, post, send},
    on_both_buses,
    system::{System, each},
};

on_both_buses!(values_are_kept_exactly, objects_merge_key_by_key, full_objects_take_no_more);

/// The object of a field in an answer's text, without white space.
fn written<'a>(text: &'a str, field: &str) -> &'a str {
    let start = text.find(&format!("\"{field}\":")).expect("the field") + field.len() + 3;
    let rest = &text[start..];
    &rest[..rest.find("},").expect("an end") + 1]
}

async fn values_are_kept_exactly(system: System) {
    let campaign = system.acme.campaign("Exact").await;
    let given = r#"{"big":9007199254740993,"small":-0.10,"long":0.1234567890123456789012345,"e":1.5e3,"t":"é\n\"😀","l":[null,true]}"#;
    let kept = r#"{"e":1500,"l":[null,true],"t":"é\n\"😀","big":9007199254740993,"long":0.1234567890123456789012345,"small":-0.10}"#;
    let entry = |email: &str| format!(r#"{{"email":"{email}","metadata":{given},"title":"x"}}"#);
    let by_list = format!(r#"{{"leads":[{}]}}"#, entry("list@x.com"));
    let answer = send(&system, post(&system.acme, &leads_of(campaign), by_list)).await;
    assert_eq!(answer.expect("an answer").json()["data"]["summary"]["added"], 1);
    let made = send(&system, post(&system.acme, "/v1/leads", entry("made@x.com"))).await;
    let made = made.expect("an answer");
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(written(&made.body.replace(": ", ":").replace(", ", ","), "metadata"), kept);
    for path in [
        "/v1/leads?email=list@x.com".to_owned(),
        format!("/v1/leads/{}", made.json()["data"]["id"].as_str().expect("an id")),
        leads_of(campaign),
    ] {
        let text = system.acme.get(&path).await.text().await.expect("text");
        assert_eq!(
            written(&text.replace(": ", ":").replace(", ", ","), "metadata"),
            kept,
            "{path}"
        );
    }
}

async fn objects_merge_key_by_key(system: System) {
    let campaign = system.acme.campaign("Merge").await;
    let entry = json!({"phone": "+15550000001", "custom_variables": {"a": 1, "b": null}});
    let made = system.acme.add(campaign, json!([entry])).await;
    let lead = made["results"][0]["lead_id"].clone();
    let new = json!({"phone": "+15550000001", "company_size": "11-50", "job_description": null,
                     "custom_variables": {"a": 2, "b": 3, "c": {"d": 4}, "e": ""}});
    let blank = json!({"phone": "+15550000001", "company_size": "",
                       "custom_variables": {"a": null, "c": " "}});
    let mut seen: Value = system.acme.lead(&lead).await;
    for (merge, entry, size, variables) in [
        ("none", &new, Value::Null, json!({"a": 1, "b": null})),
        ("fill", &new, json!("11-50"), json!({"a": 1, "b": 3, "c": {"d": 4}, "e": ""})),
        ("overwrite", &new, json!("11-50"), json!({"a": 2, "b": 3, "c": {"d": 4}, "e": ""})),
        ("overwrite", &blank, json!("11-50"), json!({"a": 2, "b": 3, "c": {"d": 4}, "e": ""})),
        ("fill", &new, json!("11-50"), json!({"a": 2, "b": 3, "c": {"d": 4}, "e": ""})),
    ] {
        let body = json!({"leads": [entry], "merge": merge});
        let answer = system.acme.add_with(campaign, body).await;
        assert_eq!(each(&answer, "status"), ["already_in_campaign"]);
        let now = system.acme.lead(&lead).await;
        assert_eq!(
            (&now["company_size"], &now["custom_variables"]),
            (&size, &variables),
            "{merge}"
        );
        let changed =
            seen["custom_variables"] != variables || seen["company_size"] != now["company_size"];
        assert_eq!(now["updated_at"] != seen["updated_at"], changed, "{merge}");
        seen = now;
    }
    // An entry that brings none leaves them alone.
    let title = json!({"leads": [{"phone": "+15550000001", "title": "CEO"}], "merge": "overwrite"});
    system.acme.add_with(campaign, title).await;
    let now = system.acme.lead(&lead).await;
    assert_eq!(
        (&now["title"], &now["custom_variables"]),
        (&json!("CEO"), &seen["custom_variables"])
    );
}

async fn full_objects_take_no_more(system: System) {
    let campaign = system.acme.campaign("Full").await;
    let keys = |from: usize| -> Value {
        (from..from + 100).map(|n| (format!("k{n}"), json!(n))).collect()
    };
    let lead = |from: usize, title: &str| json!({"email": "a@x.com", "title": title, "metadata": keys(from)});
    let answer = system.acme.add(campaign, json!([lead(0, "CEO"), {"email": "b@x.com"}])).await;
    assert_eq!(each(&answer, "status"), ["added", "added"]);
    let body = json!({"leads": [lead(50, "CTO"), {"email": "c@x.com"}], "merge": "overwrite"});
    let answer = system.acme.add_with(campaign, body).await;
    assert_eq!(each(&answer, "status"), ["error", "added"]);
    assert_eq!(answer["results"][0]["error"]["code"], "invalid_field");
    assert_eq!(answer["results"][0]["error"]["field"], "metadata");
    // Nothing of the entry was written.
    let id = system.acme.leads(&[("email", "a@x.com")]).await["data"][0]["id"].take();
    assert_eq!(system.acme.lead(&id).await["title"], "CEO");
    let patch = system.acme.change_lead(&id, &json!({"metadata": {"one_more": 1}})).await;
    assert_eq!(patch.status(), 400);
}
