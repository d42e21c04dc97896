//! Places where a test can end a process or a task, to see that nothing is lost by it.
//!
//! With the feature `failpoints`, which nothing but the tests turns on, the environment variable
//! `FAILPOINTS` says where and when: `lead-service::committed=3*off->return` ends the process at
//! the fourth passage, `purge=panic` ends the task (<https://docs.rs/fail>). Without the feature there is no code at all.

/// Reads `FAILPOINTS`. Call it once, before anything passes a [`point`].
#[cfg(feature = "failpoints")]
pub fn setup() {
    // Dropped, it would take the points away again.
    std::mem::forget(fail::FailScenario::setup());
}

/// Ends the process at once, without a word to anybody, if a test wants that here.
#[cfg(feature = "failpoints")]
pub fn point(name: &str) {
    fail::fail_point!(name, |_| std::process::abort());
}

/// Panics where a test has said that the text which is in one of these messages must do that.
#[cfg(feature = "failpoints")]
pub fn poison(messages: &[crate::bus::Message]) {
    let Ok(text) = std::env::var("ROLLCALL_TEST_POISON") else { return };
    let holds = |body: &[u8]| body.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(!messages.iter().any(|message| holds(&message.body)), "a poisonous message");
}

/// Reads nothing.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn setup() {}

/// Does nothing.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn poison(_messages: &[crate::bus::Message]) {}

/// Does nothing.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn point(_name: &str) {}
