//! Submissions of one message: each is judged by itself.

use serde_json::{Value, json};
use shared::bus::REASON_HEADER;
use uuid::Uuid;

use super::door::Door;

fn without(mut submission: Value, field: &str) -> Value {
    submission.as_object_mut().expect("an object").remove(field);
    submission
}

fn with(mut submission: Value, field: &str, value: Value) -> Value {
    submission[field] = value;
    submission
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_submission_leaves_its_neighbours_whole() {
    let mut door = Door::open().await;
    let good = || door.submission(json!([{"email": "good@x.com"}, {"email": "bad"}]));
    let globex = door.system.caller("Globex").await;
    let theirs = globex.campaign("Theirs").await;
    let many = |count| json!(vec![json!({"email": "many@x.com"}); count]);
    let bad = [
        ("bad_request", json!(7)),
        ("bad_request", json!(null)),
        ("bad_request", json!([good()])),
        ("bad_request", json!({})),
        ("bad_request", without(good(), "id")),
        ("bad_request", without(good(), "workspace_id")),
        ("bad_request", without(good(), "campaign_id")),
        ("bad_request", without(good(), "leads")),
        ("bad_request", with(good(), "id", json!("7"))),
        ("bad_request", with(good(), "workspace_id", json!(7))),
        ("bad_request", with(good(), "campaign_id", json!("' OR 1=1"))),
        ("bad_request", with(good(), "merge", json!("Fill"))),
        ("bad_request", with(good(), "default_region", json!("Texas"))),
        ("bad_request", with(good(), "default_region", json!(1))),
        ("bad_request", with(good(), "leads", json!([]))),
        ("bad_request", with(good(), "leads", json!({}))),
        ("bad_request", with(good(), "leads", many(1_001))),
        // What is not there, and what is another workspace's, are the same.
        ("not_found", with(good(), "workspace_id", json!(Uuid::now_v7()))),
        ("not_found", with(good(), "workspace_id", json!(Uuid::nil()))),
        ("not_found", with(good(), "campaign_id", json!(Uuid::now_v7()))),
        ("not_found", with(good(), "campaign_id", json!(theirs))),
    ];
    let mut submissions = vec![good()];
    for (_, submission) in &bad {
        submissions.extend([submission.clone(), good()]);
    }
    submissions.push(with(good(), "leads", many(1_000)));
    let results = door.ask(json!(submissions)).await;
    assert_eq!(results.len(), submissions.len());
    let last = results.len() - 1;
    for (place, (result, submission)) in results.iter().zip(&submissions).enumerate() {
        if place == last {
            assert_eq!(result["summary"]["total"], 1_000);
        } else if place % 2 == 0 {
            assert_eq!(result["submission_id"], submission["id"]);
            assert_eq!(result["summary"]["failed"], 1, "{result}");
            // The first of them added the lead.
            assert_eq!(result["summary"]["added"], i32::from(place == 0), "{result}");
        } else {
            let (code, submission) = &bad[place / 2];
            assert_eq!(result["error"]["code"], *code, "{submission:.200}: {result}");
            let told = result["error"]["message"].as_str().expect("text");
            assert!(!told.contains("OR 1=1") && !told.contains("Texas"), "{told}");
        }
    }
    // Whoever is answered knows; nothing is kept.
    door.no_letters().await;
    assert_eq!(door.system.count("campaign.links").await, 2);
    assert_eq!(globex.members(theirs).await, 0);
}

/// Where nobody is told of a submission that cannot be read, it is kept, alone.
#[tokio::test(flavor = "multi_thread")]
async fn an_unread_submission_leaves_a_trace() {
    let mut door = Door::open().await;
    let good = door.submission(json!([{"email": "good@x.com"}]));
    let bad = without(good.clone(), "campaign_id");
    let body = json!({"submissions": [bad, good]}).to_string();
    door.publish(lapin::BasicProperties::default(), body).await;
    let letter = door.letter().await;
    let kept: Value = serde_json::from_slice(&letter.body).expect("JSON");
    assert_eq!(kept, json!({"submissions": [bad]}));
    assert!(letter.header(REASON_HEADER).is_some_and(|reason| reason.contains("Unreadable")));
    door.serves().await;
    assert_eq!(door.system.acme.members(door.campaign).await, 2);
}

/// The entries' part of the bad-input matrix is the same code as over HTTP; this shows that it is.
#[tokio::test(flavor = "multi_thread")]
async fn entries_are_judged_as_over_http() {
    let mut door = Door::open().await;
    let entries = [
        (r#"{"phone":"0000000000"}"#, json!("invalid_phone")),
        (r#"{"phone":15128675309}"#, json!("invalid_phone")),
        (r#"{"email":"a\u0000@x.com"}"#, json!("invalid_email")),
        (r#"{"email":"a@x.com","title":"\ud800"}"#, json!("invalid_field")),
        (r#"{"email":"a@x.com","title":1e400}"#, json!("invalid_field")),
        (r#"{"email":1,"email":2}"#, json!("invalid_entry")),
        ("1e100000", json!("invalid_entry")),
        ("{}", json!("missing_identifier")),
        (r#"{"lead_id":"00000000-0000-7000-8000-000000000001"}"#, json!("lead_not_found")),
        (r#"{"phone":"+15550000001","first_name":"😀'; --"}"#, json!(null)),
        (
            &format!(r#"{{"email":"a@x.com","x":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000)),
            json!(null),
        ),
    ];
    let leads: Vec<_> = entries.iter().map(|(entry, _)| *entry).collect();
    let body = format!(
        r#"{{"submissions":[{{"id":"{}","workspace_id":"{}","campaign_id":"{}","leads":[{}]}}]}}"#,
        Uuid::now_v7(),
        door.workspace,
        door.campaign,
        leads.join(",")
    );
    door.publish(door.asking("entries"), body).await;
    let (_, reply) = door.reply().await;
    let results = reply["results"][0]["results"].as_array().expect("results");
    assert_eq!(results.len(), entries.len());
    for ((entry, code), result) in entries.iter().zip(results) {
        assert_eq!(result["error"]["code"], *code, "{entry:.100}: {result}");
    }
    let lead = door.system.acme.lead(&results[9]["lead_id"]).await;
    assert_eq!(lead["first_name"], "😀'; --");
}
