//! What the specification says of the intake.

use serde_json::json;

use crate::{
    activity::Seconds,
    specification::{Content, Operation},
};

/// See [`super::show`].
pub fn show() -> Operation {
    let example = json!({
        "from": 1_764_034_200,
        "requests": [40, 52],
        "refused": [0, 1],
        "leads": {
            "added": [38, 49],
            "already_in_campaign": [2, 1],
            "failed": [0, 1],
            "suppressed": [0, 0],
            "skipped": [0, 0],
        },
        "latency_ms": {"p50": [4.0, 5.66], "p95": [11.31, null]},
    });
    Operation::new("showIntake", "Show what comes in just now")
        .description(
            "The last 120 seconds of the workspace, second by second, as the gateway saw them that answers: each \
             gateway counts what goes through itself.",
        )
        .answer(200, "What came in.", [Content::data::<Seconds>(example)])
}
