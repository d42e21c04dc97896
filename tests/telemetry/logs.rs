//! What the log says of one submission, and of many.

use diesel_async::SimpleAsyncConnection;
use reqwest::Method;
use serde_json::{Value, json};
use shared::database::Database;

use crate::{system::expect, up::Up};

const REQUEST: &str = "my-request/7";

/// The lines that a service wrote about the request.
fn of_service<'a>(log: &'a [Value], service: &str) -> Vec<&'a Value> {
    let lines = log.iter().filter(|line| {
        let target = line["target"].as_str().unwrap_or_default();
        target.split("::").next() == Some(service) && line["request_id"] == REQUEST
    });
    lines.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_submission_has_its_names_in_every_log() {
    let up =
        Up::start(&[("ROLLCALL__LOG__FILTER", "info,lead_service=debug,campaign_service=debug")])
            .await;
    let campaign = up.acme.campaign("Failing").await;
    let database = Database::new(&up.database.url(), 1).expect("a URL");
    let mut on = database.connection().await.expect("connected");
    let refuse = "ALTER TABLE lead.leads ADD CONSTRAINT no CHECK (title IS NULL)";
    on.batch_execute(refuse).await.expect("altered");
    let request = up.acme.request(Method::POST, &format!("/v1/campaigns/{campaign}/leads"));
    let request = request.header("X-Request-Id", REQUEST);
    let lead = json!({"leads": [{"email": "ann@example.com", "title": "CEO"}]});
    expect(500, request.json(&lead).send().await.expect("an answer")).await;
    let log = up.stop().await;

    let levels = |lines: &[&Value]| {
        lines
            .iter()
            .map(|line| line["level"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    let of_gateway = of_service(&log, "gateway");
    assert_eq!(levels(&of_gateway), ["WARN"], "{log:#?}");
    let id = &of_gateway[0]["submission_id"];
    assert!(id.is_string(), "{of_gateway:#?}");
    for service in ["lead_service", "campaign_service"] {
        let lines = of_service(&log, service);
        assert!(!lines.is_empty(), "{service}: {log:#?}");
        assert!(lines.iter().all(|line| line["submission_id"] == *id), "{lines:#?}");
    }
    // The failure itself is told once, where it was dealt with.
    let errors = log.iter().filter(|line| line["message"] == "a submission becomes a dead letter");
    let errors: Vec<_> = errors.collect();
    assert_eq!(levels(&errors), ["ERROR"], "{log:#?}");
    assert_eq!((&errors[0]["submission_id"], &errors[0]["request_id"]), (id, &json!(REQUEST)));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_logged_while_all_is_well() {
    let up = Up::start(&[]).await;
    let campaign = up.acme.campaign("Quiet").await;
    for n in 0..20 {
        let people = json!([{"email": format!("{n}@example.com")}, {"phone": "x"}]);
        up.acme.add(campaign, people).await;
    }
    expect(400, up.acme.post("/v1/campaigns", &json!({})).await).await;
    let log = up.stop().await;
    let messages: Vec<_> = log.iter().map(|line| &line["message"]).collect();
    assert_eq!(messages, ["stopping"], "{log:#?}");
}
