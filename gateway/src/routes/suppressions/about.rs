//! What the specification says of suppressions.

use serde_json::json;
use shared::contract::{ErrorCode, Suppression};

use super::{Answer, Fields};
use crate::specification::{Content, Operation};

/// See [`super::add`].
pub fn add() -> Operation {
    let body = json!({"suppressions": [
        {"phone": "+15551234567", "reason": "asked by phone"},
        {"email": "bob@example.com"},
    ]});
    let answer = json!({
        "results": [{"index": 0, "status": "added"}, {"index": 1, "status": "already_suppressed"}],
        "summary": {"total": 2, "added": 1, "already_suppressed": 1, "failed": 0},
    });
    Operation::new("suppress", "Suppress contacts")
        .description(
            "Whoever has one of these phones or emails is not added to any campaign from then on.",
        )
        .body(Content::json::<Fields<'_>>(body))
        .answer(200, "What became of each entry.", [Content::data::<Answer>(answer)])
        .errors(&[ErrorCode::Timeout])
}

/// See [`super::list`].
pub fn list() -> Operation {
    let row = json!({
        "id": "01a207e9-6b12-77d9-b6e3-dece86a4491a",
        "phone": "+15551234567",
        "reason": "asked by phone",
        "created_at": "2026-11-25T09:30:00Z",
    });
    contact(Operation::new("listSuppressions", "List suppressions"))
        .description("Newest first; with `phone` or `email`, the one of that contact.")
        .paging()
        .answer(200, "A page of suppressions.", [Content::page::<Suppression>(row)])
        .errors(&[ErrorCode::Timeout])
}

/// See [`super::lift`].
pub fn lift() -> Operation {
    contact(Operation::new("liftSuppression", "Lift a suppression"))
        .description("That of the phone or the email, one of which is needed.")
        .answer(204, "The contact is suppressed no more.", [])
        .errors(&[ErrorCode::NotFound, ErrorCode::Timeout])
}

/// The contact in a query.
fn contact(operation: Operation) -> Operation {
    operation
        .query::<String>("phone", "In whatever spelling.")
        .query::<String>("email", "In whatever spelling.")
}
