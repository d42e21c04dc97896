//! What the specification says of the main job.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use shared::contract::{EntryResult, ErrorCode, Summary};
use uuid::Uuid;

use super::Fields;
use crate::specification::{Content, Operation};

/// What became of the entries.
// The answer is written without it, around results that are copied as they came; the end-to-end tests
// hold every answer against it.
#[derive(Serialize, JsonSchema)]
struct AddedLeads {
    /// The campaign.
    campaign_id: Uuid,
    /// One for each entry, in the request's order.
    results: Vec<EntryResult>,
    /// The results, counted.
    summary: Summary,
    /// Whether this is what would happen: nothing was written.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
}

/// See [`super::add`].
pub fn add() -> Operation {
    let body = json!({"leads": [
        {"phone": "+15551234567", "first_name": "Ann", "email": "ann@example.com"},
        {"phone": "555"},
    ]});
    let results = json!({
        "campaign_id": "01a207e9-6b12-77d9-b6e3-dece86a4491a",
        "results": [
            {"index": 0, "lead_id": "01a207e9-6b41-7024-b60b-8ad8e5bda88f", "status": "added", "created": true,
             "matched_by": null},
            {"index": 1, "status": "error", "error": {"code": "invalid_phone", "field": "phone",
             "message": "phone must be an E.164 number, such as +15551234567"}},
        ],
        "summary": {"total": 2, "added": 1, "already_in_campaign": 0, "failed": 1, "suppressed": 0, "skipped": 0},
    });
    Operation::new("addLeads", "Add leads to a campaign")
        .description(
            "A lead of the workspace with the entry's lead_id, phone or email is linked to the campaign; where there \
             is none, a new lead is made. Entries count in their order, each on its own: a bad one never harms \
             another, and the status is 200 even if all failed. When 200 has been sent, all is committed.",
        )
        .idempotent()
        // Of a submission whose result is not known, and of one that was to be all or nothing.
        .beside_errors::<Uuid>("submission_id")
        .beside_errors::<AddedLeads>("data")
        .body(Content::json::<Fields<'_>>(body))
        .answer(200, "What became of each entry.", [Content::data::<AddedLeads>(results)])
        .errors(&[ErrorCode::CampaignArchived, ErrorCode::Timeout])
}
