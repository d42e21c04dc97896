//! Traces and logs: a request is followed from HTTP through all services to the database and back
//! (docs/operations.md, "Traces" and "Logs").

#[allow(dead_code, reason = "shared with the end-to-end tests")]
#[path = "../end_to_end/system.rs"]
mod system;

mod collector;
mod logs;
mod traces;
mod up;

use std::time::Duration;

const LONG: Duration = Duration::from_secs(30);
