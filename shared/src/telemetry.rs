//! Logs.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::settings::{LogFormat, LogSettings};

/// lapin logs messages that the broker returned, body and all, and bodies hold personal data.
const KEPT_OUT: &str = "lapin=off";

/// Starts to log to standard error. Call it once, first thing in `main`.
///
/// # Errors
/// When `settings.filter` is no filter.
pub fn start(settings: &LogSettings) -> anyhow::Result<()> {
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter(&settings.filter)?)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match settings.format {
        LogFormat::Text => subscriber.compact().init(),
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
    Ok(())
}

/// Which events are logged: those of `directives`, and never what may hold personal data.
///
/// # Errors
/// When `directives` is no filter.
pub fn filter(directives: &str) -> anyhow::Result<EnvFilter> {
    let filter = EnvFilter::try_new(directives)
        .map_err(|error| anyhow::anyhow!("wrong setting: log.filter: {error}"))?;
    Ok(filter.add_directive(KEPT_OUT.parse()?))
}
