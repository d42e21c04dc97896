//! What the specification says of dead letters.

use serde_json::json;
use shared::{contract::ErrorCode, dead_letters::DeadLetter};

use crate::specification::{Content, Operation};

/// See [`super::list`].
pub fn list() -> Operation {
    let row = json!({
        "id": "01a207e9-6b12-77d9-b6e3-dece86a4491a",
        "source": "leads.submitted",
        "reason": "the message is not understood: expected value at line 1 column 1",
        "bytes": 17,
    });
    Operation::new("listDeadLetters", "List dead letters")
        .description(
            "Messages of all workspaces that nobody could work on, oldest first, without their bodies. A cursor holds \
             a place: where letters are removed meanwhile, the others move up. Of more than 1,000, looking changes the order.",
        )
        .paging()
        .answer(200, "A page of dead letters.", [Content::page::<DeadLetter>(row)])
        .errors(&[ErrorCode::Timeout])
}

/// See [`super::replay`].
pub fn replay() -> Operation {
    Operation::new("replayDeadLetter", "Replay a dead letter")
        .description(
            "Publishes it again where it came from. What was done before is not done twice. Nobody gets the reply.",
        )
        .answer(204, "It is published, and no dead letter any more.", [])
        .errors(&[ErrorCode::Conflict, ErrorCode::Timeout])
}

/// See [`super::remove`].
pub fn remove() -> Operation {
    Operation::new("dropDeadLetter", "Drop a dead letter")
        .description("Removes it for good.")
        .answer(204, "It is gone.", [])
        .errors(&[ErrorCode::Timeout])
}
