//! What the specification says of big submissions.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::contract::{ErrorCode, Merge};

use crate::{
    specification::{Content, Operation},
    submissions::{failed::FailedFormat, outcome::Shown, view::View},
};

/// What a big submission may hold beside what a small one may.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "BigSubmission")]
#[expect(dead_code, reason = "only described: the body is read while it arrives")]
struct Fields {
    /// With `Prefer: respond-async`: where to post the submission when it is done.
    callback_url: Option<String>,
}

fn example(status: &str, processed: usize) -> Value {
    let path = "/v1/submissions/01a207e9-6b12-77d9-b6e3-dece86a4491a";
    json!({
        "id": "01a207e9-6b12-77d9-b6e3-dece86a4491a",
        "campaign_id": "01a207e9-6b12-77d9-b6e3-dece86a4491b",
        "status": status,
        "total": 100_000,
        "processed": processed,
        "summary": {"total": processed, "added": processed, "already_in_campaign": 0, "failed": 0,
                    "suppressed": 0, "skipped": 0},
        "created_at": "2026-11-25T09:30:00Z",
        "finished_at": null,
        "results_url": format!("{path}/results"),
        "failed_url": format!("{path}/failed"),
    })
}

/// See [`super::accept`].
pub fn accept() -> Operation {
    let lines = "{\"phone\": \"+15551234567\"}\n{\"email\": \"bob@example.com\"}\n";
    let entry = json!({"phone": "+15551234567"});
    Operation::new("submitLeads", "Add many leads to a campaign, without waiting")
        .description(
            "With `Prefer: respond-async` up to 100,000 entries are taken at once, and `202` says that all will be \
             worked off, whatever happens; results are asked for at `Location`. As NDJSON, an entry a line, options \
             stand in the query. `dry_run` and `all_or_nothing` are refused.",
        )
        .header("Prefer", "`respond-async`: do not wait for the results.", json!({"type": "string"}))
        .query::<Merge>("merge", "With NDJSON: see the body.")
        .query::<String>("default_region", "With NDJSON: see the body.")
        .query::<bool>("skip_if_in_workspace", "With NDJSON: see the body.")
        .query::<bool>("skip_if_in_other_campaign", "With NDJSON: see the body.")
        .query::<String>("callback_url", "With NDJSON: see the body.")
        .idempotent()
        .body(Content::json::<Fields>(json!({"leads": [entry]})))
        .body(Content::text("application/x-ndjson", lines))
        .answer_with(
            &["Location", "Preference-Applied"],
            202,
            "With `Prefer: respond-async`: every entry is durable and will be worked off.",
            [Content::data::<View>(example("queued", 0))],
        )
        .errors(&[ErrorCode::CampaignArchived])
}

/// See [`super::list`].
pub fn list() -> Operation {
    Operation::new("listSubmissions", "List submissions")
        .description("Those that nobody waits for, newest first.")
        .paging()
        .answer(200, "A page of submissions.", [Content::page::<View>(example("working", 42_500))])
}

/// See [`super::show`].
pub fn show() -> Operation {
    Operation::new("showSubmission", "Show a submission")
        .description("During 7 days after it is done.")
        .answer(200, "The submission.", [Content::data::<View>(example("working", 42_500))])
}

/// See [`super::results`].
pub fn results() -> Operation {
    let result = json!({
        "index": 0, "lead_id": "01a207e9-6b41-7024-b60b-8ad8e5bda88f", "status": "added", "created": true,
        "matched_by": null,
    });
    Operation::new("listResults", "List the results of a submission")
        .description(
            "In the request's order. `meta.total` grows while the submission is worked off; what has been shown does \
             not change.",
        )
        .paging()
        .answer(200, "A page of results.", [Content::page::<Shown>(result)])
}

/// See [`super::failed`].
pub fn failed() -> Operation {
    let line =
        r#"{"phone":"555","error":{"code":"invalid_phone","field":"phone","message":"..."}}"#;
    let csv = "phone,error_code,error_field,error_message\n555,invalid_phone,phone,...\n";
    Operation::new("listFailed", "Give back the entries that failed")
        .description(
            "As NDJSON, each as it came, with `error`: put the lines right and post them again.",
        )
        .query::<FailedFormat>("format", "`ndjson` unless said otherwise.")
        .answer(
            200,
            "The entries, in the request's order.",
            [Content::text("application/x-ndjson", line), Content::text("text/csv", csv)],
        )
}
