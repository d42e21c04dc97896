//! The end of the process, when a part of it has failed.

/// Ends the process because something that it cannot do without has failed. Whatever supervises it
/// starts it again.
pub fn fatal(what: &str, reason: &str) -> ! {
    tracing::error!("{what} has failed: {reason}; the process ends");
    std::process::exit(1)
}
