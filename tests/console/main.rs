//! The console in a real Chromium: sign in, create, import, search, watch, replay.
//!
//! With `ROLLCALL_TEST_SCREENSHOTS` naming a folder, pictures of the pages are put there.

#[allow(dead_code, reason = "shared with the end-to-end tests")]
#[path = "../end_to_end/system.rs"]
mod system;

mod accessible;
mod browser;
mod csv;
mod flows;
