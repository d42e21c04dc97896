//! `GET /v1/leads`.

use serde_json::{Value, json};

use super::{encoded, ids};
use crate::{
    on_both_buses,
    system::{System, each, expect},
};

on_both_buses!(
    newest_first_by_page_and_cursor,
    filters_are_exact,
    words_are_found,
    bad_queries_are_refused,
);

async fn newest_first_by_page_and_cursor(system: System) {
    let campaign = system.acme.campaign("List").await;
    let leads: Vec<_> = (0..6).map(|n| json!({"email": format!("{n}@x.com")})).collect();
    let added = system.acme.add(campaign, json!(leads)).await;
    let last = system.acme.made(&json!({"email": "last@x.com"})).await;
    let mut newest: Vec<_> = each(&added, "lead_id");
    newest.push(&last["id"]);
    newest.reverse();

    let all = system.acme.leads(&[]).await;
    assert_eq!(ids(&all), newest);
    assert_eq!(all["data"][0], last);
    assert_eq!(all["meta"]["total"], 7);
    assert!(all["meta"].get("total_is_capped").is_none());
    let second = system.acme.leads(&[("page", "2"), ("per_page", "3")]).await;
    assert_eq!(ids(&second), newest[3..6]);
    assert_eq!((&second["meta"]["page"], &second["meta"]["total"]), (&json!(2), &json!(7)));

    let mut cursor = json!("");
    let mut walked = Vec::new();
    while let Some(text) = cursor.as_str() {
        let page = system.acme.leads(&[("cursor", text), ("per_page", "2")]).await;
        walked.extend(ids(&page).into_iter().cloned());
        // What comes meanwhile is newer, and so in nobody's way.
        system.acme.made(&json!({"email": format!("new{}@x.com", walked.len())})).await;
        cursor = page["meta"]["next_cursor"].clone();
    }
    assert_eq!(walked.iter().collect::<Vec<_>>(), newest);
    assert_eq!(system.caller("Globex").await.leads(&[]).await["data"], json!([]));
}

async fn filters_are_exact(system: System) {
    let ann = system.acme.made(&json!({"phone": "+15550000001", "email": "ann@x.com"})).await;
    let bob = system.acme.made(&json!({"phone": "+15550000002"})).await;
    let after = bob["created_at"].as_str().expect("a moment");
    let before = ann["created_at"].as_str().expect("a moment");
    for (query, expected) in [
        (vec![("phone", "+1 555 000 0001")], vec![&ann]),
        // A plus that nobody escaped.
        (vec![("phone", " 15550000001")], vec![&ann]),
        (vec![("phone", "+1555000000")], vec![]),
        (vec![("email", "ANN@x.com")], vec![&ann]),
        (vec![("phone", "+15550000001"), ("email", "ann@x.com")], vec![&ann]),
        (vec![("phone", "+15550000002"), ("email", "ann@x.com")], vec![]),
        (vec![("created_after", "2020-01-01T00:00:00+02:00")], vec![&bob, &ann]),
        (vec![("created_after", "2100-01-01T00:00:00Z")], vec![]),
        (vec![("created_after", after)], vec![]),
        (vec![("created_after", before), ("phone", "+15550000001")], vec![]),
    ] {
        let list = system.acme.leads(&query).await;
        assert_eq!(list["data"], json!(expected), "{query:?}");
        assert_eq!(list["meta"]["total"], expected.len(), "{query:?}");
    }
    let globex = system.caller("Globex").await;
    for query in [("phone", "+15550000001"), ("email", "ann@x.com"), ("search", "ann")] {
        assert_eq!(globex.leads(&[query]).await["data"], json!([]), "{query:?}");
    }
}

async fn words_are_found(system: System) {
    let ann = json!({"phone": "+15550000001", "email": "a.lee@x.com", "first_name": "Ann",
                     "last_name": "Lee-Smith", "company_name": "Meridian Health"});
    let bob = json!({"email": "bob_%@x.com", "first_name": "Bob", "company_name": "Ann's Shop"});
    let (ann, bob) = (system.acme.made(&ann).await, system.acme.made(&bob).await);
    for (search, expected) in [
        ("ann", vec![&bob, &ann]),
        ("ANN health", vec![&ann]),
        ("bo health", vec![]),
        ("bo ann's", vec![&bob]),
        ("lee", vec![&ann]),
        ("a.lee@", vec![&ann]),
        ("+1-555 mer", vec![&ann]),
        ("1555", vec![&ann]),
        ("555", vec![]),
        ("eridian", vec![]),
        ("bob_%", vec![&bob]),
        ("%%", vec![]),
        ("__", vec![]),
    ] {
        let list = system.acme.leads(&[("search", search)]).await;
        assert_eq!(list["data"], json!(expected), "{search}");
        assert_eq!(list["meta"]["total"], expected.len(), "{search}");
        assert_eq!(list["meta"].get("total_is_capped"), None, "{search}");
    }
    let both = [("search", "ann"), ("email", "a.lee@x.com")];
    assert_eq!(system.acme.leads(&both).await["data"], json!([ann]));
    assert_eq!(system.acme.leads(&[("search", "")]).await["meta"]["total"], 2);
}

async fn bad_queries_are_refused(system: System) {
    for query in [
        ("phone", "555-0100"),
        ("email", "nobody"),
        ("created_after", "yesterday"),
        ("created_after", "2026-01-01"),
        ("search", "a"),
        ("search", "ann b"),
        ("search", "an\u{0}n"),
        ("search", "aa bb cc dd ee ff"),
        ("page", "0"),
        ("cursor", "x"),
    ] {
        let answer = system.acme.get(&format!("/v1/leads?{}", encoded(&[query]))).await;
        let refused = expect(400, answer).await;
        assert_eq!(refused["error"]["code"], "bad_request", "{query:?}");
    }
}

/// More leads than are counted, put there past the services.
#[tokio::test(flavor = "multi_thread")]
async fn totals_are_capped_where_counting_would_take_long() {
    let system = System::in_process().await;
    let first = system.acme.made(&json!({"email": "first@x.com", "first_name": "Zoe"})).await;
    system
        .execute(
            "INSERT INTO lead.leads (workspace_id, id, email, first_name) \
                 SELECT workspace_id, overlay(id::text PLACING lpad(to_hex(n), 12, '0') FROM 25)::uuid, \
                     'many' || n || '@x.com', 'Many' \
                 FROM lead.leads, generate_series(1, 10050) AS n; \
             UPDATE lead.workspaces SET leads = leads + 10050",
        )
        .await;
    let total = async |query: &[(&str, &str)]| -> (Value, bool) {
        let mut list = system.acme.leads(query).await;
        (list["meta"]["total"].take(), list["meta"]["total_is_capped"] == true)
    };
    assert_eq!(total(&[]).await, (json!(10_051), false));
    assert_eq!(total(&[("created_after", "2020-01-01T00:00:00Z")]).await, (json!(10_000), true));
    assert_eq!(total(&[("search", "many")]).await, (json!(10_000), true));
    assert_eq!(total(&[("search", "many7@")]).await, (json!(1), true));
    // An email is found wherever it is.
    let found = system.acme.leads(&[("search", "first@")]).await;
    assert_eq!(ids(&found), [&first["id"]]);
    let refused = system.acme.get("/v1/leads?page=101&per_page=100").await;
    expect(400, refused).await;
}
