//! What the specification says of leads, one by one.

use schemars::JsonSchema;
use serde_json::{Value, json};
use shared::contract::{ErrorCode, Lead, LeadFields};

use super::Answer;
use crate::specification::{Content, Operation};

/// A moment in a query, where a blank is none.
#[derive(JsonSchema)]
#[schemars(inline, extend("anyOf" = [{"format": "date-time"}, {"const": ""}]))]
struct Moment(#[expect(dead_code, reason = "only described")] String);

/// A lead.
pub fn example() -> Value {
    json!({
        "id": "01a207e9-6b41-7024-b60b-8ad8e5bda88f",
        "phone": "+15551234567",
        "email": "ann@example.com",
        "first_name": "Ann",
        "last_name": "Lee",
        "company_name": "Acme",
        "title": "CEO",
        "linkedin_url": null,
        "company_website": "https://acme.com",
        "job_description": null,
        "company_size": "11-50",
        "custom_variables": {"vip": true},
        "metadata": null,
        "status": "pending",
        "source": "api",
        "created_at": "2026-11-25T09:30:00Z",
        "updated_at": "2026-11-25T09:30:00Z",
    })
}

fn answer() -> Content {
    Content::json::<Answer<'_>>(json!({"data": example()}))
}

/// See [`super::create`].
pub fn create() -> Operation {
    let body = json!({
        "phone": "+15551234567",
        "email": "ann@example.com",
        "first_name": "Ann",
        "last_name": "Lee",
        "company_name": "Acme",
        "title": "CEO",
        "company_website": "https://acme.com",
        "company_size": "11-50",
        "custom_variables": {"vip": true},
    });
    Operation::new("createLead", "Make a lead")
        .description(
            "In no campaign. It needs a phone or an email. Where another lead of the workspace has one of them, \
             nothing happens: `conflict`, with that lead's id.",
        )
        .idempotent()
        .body(Content::json::<LeadFields>(body))
        .answer(201, "The lead.", [answer()])
        .errors(&[ErrorCode::Conflict, ErrorCode::Timeout])
}

/// See [`super::list`].
pub fn list() -> Operation {
    filtered(Operation::new("listLeads", "List leads"))
        .description("Newest first: those that pass all filters.")
        .paging()
        .answer(200, "A page of leads.", [Content::page::<Lead>(example())])
        .errors(&[ErrorCode::Timeout])
}

/// What leads are filtered by.
pub fn filtered(operation: Operation) -> Operation {
    operation
        .query::<String>("phone", "The lead with this phone, in whatever spelling.")
        .query::<String>("email", "The lead with this email, in whatever spelling.")
        .query::<Moment>("created_after", "Made after this moment, to the millisecond.")
        .query::<String>(
            "search",
            "1 to 5 words of 2 characters or more; each begins the email, the phone, or a word of the names.",
        )
}

/// See [`super::show`].
pub fn show() -> Operation {
    Operation::new("showLead", "Show a lead")
        .answer(200, "The lead.", [answer()])
        .errors(&[ErrorCode::Timeout])
}

/// See [`super::change`].
pub fn change() -> Operation {
    Operation::new("changeLead", "Change a lead")
        .description(
            "An absent field stays; a blank (`null`, `\"\"`, white space) clears it, but for the last of phone and \
             email. Of an object, the keys that are not named stay, and `null` removes one.",
        )
        .body(Content::json::<LeadFields>(json!({"title": "CEO", "custom_variables": {"vip": true}})))
        .answer(200, "The lead, as it is now.", [answer()])
        .errors(&[ErrorCode::Conflict, ErrorCode::Timeout])
}

/// See [`super::delete`].
pub fn delete() -> Operation {
    Operation::new("deleteLead", "Forget a lead")
        .description(
            "At once, and in all campaigns within seconds. Its phone and email are free again.",
        )
        .answer(204, "Forgotten.", [])
        .errors(&[ErrorCode::Timeout])
}
