//! Places where a test can end a process, to see that nothing is lost by it.
//!
//! With the feature `failpoints`, which nothing but the tests turns on, the environment variable
//! `FAILPOINTS` says where and when: `lead-service::committed=3*off->return` ends the process at
//! the fourth passage (<https://docs.rs/fail>). Without the feature there is no code at all.

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

/// Reads nothing.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn setup() {}

/// Does nothing.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn point(_name: &str) {}
