//! Big submissions: accepted at once, worked off in the background, in order, and never lost.

mod disturbed;
mod failures;
mod intake;

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use test_support::eventually;
use uuid::Uuid;

use crate::{
    on_both_buses,
    system::{Caller, System, each, expect, id},
};

pub const LONG: Duration = Duration::from_secs(60);

on_both_buses!(entries_count_in_their_order);

/// A request that does not wait, without a body.
pub fn request(caller: &Caller, campaign: Uuid) -> RequestBuilder {
    caller
        .request(Method::POST, &format!("/v1/campaigns/{campaign}/leads"))
        .header("prefer", "respond-async")
}

/// Submits, and returns where the submission can be asked for.
pub async fn submit(caller: &Caller, campaign: Uuid, body: &Value) -> String {
    accepted(request(caller, campaign).json(body).send().await.expect("an answer")).await
}

/// Where an accepted submission can be asked for.
pub async fn accepted(response: Response) -> String {
    let headers = response.headers().clone();
    let body = expect(202, response).await;
    let location = headers["location"].to_str().expect("text").to_owned();
    assert_eq!(location, format!("/v1/submissions/{}", id(&body["data"]["id"])));
    assert_eq!(headers["preference-applied"], "respond-async");
    location
}

/// The submission, as it is now.
pub async fn show(caller: &Caller, location: &str) -> Value {
    expect(200, caller.get(location).await).await["data"].take()
}

/// Waits for the end of a submission.
pub async fn finished(caller: &Caller, location: &str) -> Value {
    eventually(LONG, async || {
        let submission = show(caller, location).await;
        (submission["status"] == "done").then_some(submission)
    })
    .await
}

/// Every result, page by page.
pub async fn results(caller: &Caller, location: &str) -> Vec<Value> {
    let (mut results, mut path) = (Vec::new(), format!("{location}/results?per_page=100"));
    loop {
        let body = expect(200, caller.get(&path).await).await;
        results.extend_from_slice(body["data"].as_array().expect("an array"));
        let Some(cursor) = body["meta"]["next_cursor"].as_str() else {
            assert_eq!(body["meta"]["total"], results.len());
            return results;
        };
        path = format!("{location}/results?per_page=100&cursor={cursor}");
    }
}

/// Leads with these numbers.
pub fn leads(numbers: impl Iterator<Item = usize>) -> Vec<Value> {
    numbers.map(|n| json!({"phone": format!("+1555{n:07}"), "first_name": "Ann"})).collect()
}

/// Every number stands twice, far apart, and three entries are bad.
async fn entries_count_in_their_order(system: System) {
    let acme = &system.acme;
    let campaign = acme.campaign("Big").await;
    let mut entries = leads((0..3_000).map(|n| n % 1_500));
    for (place, bad) in [(0, json!({})), (1_499, json!({"phone": "+1 555"})), (2_999, json!(7))] {
        entries[place] = bad;
    }
    let location = submit(acme, campaign, &json!({"leads": entries, "merge": "none"})).await;
    let done = finished(acme, &location).await;
    assert_eq!(id(&done["campaign_id"]), campaign);
    assert_eq!((&done["total"], &done["processed"]), (&json!(3_000), &json!(3_000)));
    let added = 1_498 + 1;
    assert_eq!(
        done["summary"],
        json!({"total": 3_000, "added": added, "already_in_campaign": 3_000 - 3 - added, "failed": 3, "suppressed": 0, "skipped": 0})
    );
    assert!(done["finished_at"].is_string() && done.get("callback").is_none());
    assert_eq!(acme.members(campaign).await, added);

    let results = results(acme, &location).await;
    assert_eq!(results.len(), 3_000);
    for (n, result) in results.iter().enumerate() {
        assert_eq!(result["index"], n);
        let status = match n {
            0 | 1_499 | 2_999 => "error",
            // The first of its kind was bad.
            1_500 => "added",
            0..1_500 => "added",
            _ => "already_in_campaign",
        };
        assert_eq!(result["status"], status, "{n}");
        if status == "already_in_campaign" {
            assert_eq!(result["lead_id"], results[n - 1_500]["lead_id"], "{n}");
        }
    }

    let page = format!("{location}/results?page=6&per_page=99");
    let page = expect(200, acme.get(&page).await).await;
    assert_eq!(page["data"].as_array().expect("an array"), &results[495..594], "over two chunks");

    // What did not fail is forgotten; what failed is handed out, put right, and posted again.
    let kept = "gateway.submission_chunks WHERE entries LIKE '%Ann%'";
    assert_eq!(system.count(kept).await, 0);
    let failed = acme.get(&format!("{location}/failed")).await.text().await.expect("a body");
    let lines: Vec<Value> =
        failed.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let codes: Vec<_> = lines.iter().map(|line| line["error"]["code"].clone()).collect();
    assert_eq!(codes, ["missing_identifier", "invalid_phone", "invalid_entry"]);
    assert_eq!(lines[1]["phone"], "+1 555");
    let mended = failed.replace("+1 555", "+15559999999");
    let again = request(acme, campaign).header("content-type", "application/x-ndjson").body(mended);
    let location = accepted(again.send().await.expect("an answer")).await;
    let done = finished(acme, &location).await;
    assert_eq!(
        done["summary"],
        json!({"total": 3, "added": 1, "already_in_campaign": 0, "failed": 2, "suppressed": 0, "skipped": 0})
    );
    let page = expect(200, acme.get(&format!("{location}/results")).await).await;
    assert_eq!(page["data"][1].get("warnings"), None, "a former error is not an unknown field");

    let csv = acme.get(&format!("{location}/failed?format=csv")).await;
    assert!(csv.headers()["content-type"].to_str().expect("text").starts_with("text/csv"));
    let csv = csv.text().await.expect("a body");
    let header = "ref,lead_id,phone,email,first_name,last_name,company_name,title,linkedin_url,\
                  company_website,job_description,company_size,custom_variables,metadata,\
                  error_code,error_field,error_message";
    assert_eq!(csv.lines().next(), Some(header));
    assert_eq!(csv.lines().count(), 3);
}

/// A workspace with little to do does not wait behind one with much.
#[tokio::test(flavor = "multi_thread")]
async fn workspaces_take_turns() {
    let system = System::in_process().await;
    let globex = system.caller("Globex").await;
    let (much, little) = (system.acme.campaign("Much").await, globex.campaign("Little").await);
    let first = submit(&system.acme, much, &json!({"leads": leads(0..10_000)})).await;
    let second = submit(&system.acme, much, &json!({"leads": leads(0..10)})).await;
    let third = submit(&globex, little, &json!({"leads": leads(0..10)})).await;
    let end = async |caller: &Caller, location: &str| {
        finished(caller, location).await["finished_at"].as_str().expect("a time").to_owned()
    };
    let ends = [
        end(&globex, &third).await,
        end(&system.acme, &second).await,
        end(&system.acme, &first).await,
    ];
    assert!(ends[0] < ends[2] && ends[1] < ends[2], "{ends:?}");

    // Nobody sees what is another's.
    for path in [&first, &format!("{first}/results"), &format!("{first}/failed")] {
        expect(404, globex.get(path).await).await;
    }
    let listed = expect(200, system.acme.get("/v1/submissions?per_page=1&page=2").await).await;
    assert_eq!(
        (&listed["meta"]["total"], &listed["meta"]["next_cursor"]),
        (&json!(2), &Value::Null)
    );
    assert_eq!(listed["data"][0]["results_url"], format!("{first}/results"));
    assert_eq!(each(&json!({"results": listed["data"]}), "status"), ["done"]);
}
