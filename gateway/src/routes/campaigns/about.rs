//! What the specification says of campaigns.

use serde_json::{Value, json};
use shared::contract::{Campaign, CampaignStatus, ErrorCode};

use super::{
    Fields,
    members::{MAX_CANDIDATES, MemberLead},
};
use crate::{
    routes::leads,
    specification::{Content, Operation},
};

fn example() -> Value {
    json!({
        "id": "01a207e9-6b12-77d9-b6e3-dece86a4491a",
        "name": "Spring",
        "status": "active",
        "created_at": "2026-11-25T09:30:00Z",
        "leads": 112_233,
    })
}

/// See [`super::create`].
pub fn create() -> Operation {
    let made = json!({
        "id": "01a207e9-6b12-77d9-b6e3-dece86a4491a",
        "name": "Spring",
        "status": "draft",
        "created_at": "2026-11-25T09:30:00Z",
        "leads": 0,
    });
    let body = json!({"name": "Spring", "status": "draft"});
    Operation::new("createCampaign", "Make a campaign")
        .body(Content::requiring::<Fields>(&["name"], body))
        .answer(201, "The campaign.", [Content::data::<Campaign>(made)])
        .errors(&[ErrorCode::Timeout])
}

/// See [`super::list`].
pub fn list() -> Operation {
    Operation::new("listCampaigns", "List campaigns")
        .description("Newest first.")
        .query::<CampaignStatus>("status", "Only campaigns with this status.")
        .query::<String>(
            "search",
            "Only campaigns with this text in their name, whatever its case.",
        )
        .paging()
        .answer(200, "A page of campaigns.", [Content::page::<Campaign>(example())])
        .errors(&[ErrorCode::Timeout])
}

/// See [`super::show`].
pub fn show() -> Operation {
    Operation::new("showCampaign", "Show a campaign")
        .answer(200, "The campaign.", [Content::data::<Campaign>(example())])
        .errors(&[ErrorCode::Timeout])
}

/// See [`super::update`].
pub fn update() -> Operation {
    Operation::new("changeCampaign", "Change a campaign")
        .description(
            "Changes `name`, `status`, or both. Once archiving has been answered, nothing more comes in; once it is \
             taken back, adding works at once.",
        )
        .body(Content::json::<Fields>(json!({"status": "active"})))
        .answer(200, "The campaign, as it is now.", [Content::data::<Campaign>(example())])
        .errors(&[ErrorCode::Timeout])
}

/// See [`super::leads`].
pub fn leads() -> Operation {
    let mut row = leads::about::example();
    row["added_at"] = json!("2026-11-25T09:31:00Z");
    leads::about::filtered(Operation::new("listCampaignLeads", "List the leads of a campaign"))
        .description(&format!(
            "In the order in which they were made. With a filter, newest first, of the newest {MAX_CANDIDATES} leads of \
             the workspace that pass it; `meta.total_is_capped` says where there were more."
        ))
        .paging()
        .answer(200, "A page of leads.", [Content::page::<MemberLead>(row)])
        .errors(&[ErrorCode::Timeout])
}

/// See [`super::remove`].
pub fn remove() -> Operation {
    Operation::new("removeLead", "Take a lead out of a campaign")
        .description("The lead itself stays.")
        .answer(204, "It was in and is out.", [])
        .errors(&[ErrorCode::Timeout])
}
