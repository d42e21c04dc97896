//! Logs.

use std::{
    io::{self, IsTerminal, Write},
    sync::{OnceLock, mpsc},
    thread,
    time::Duration,
};

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use crate::settings::{LogFormat, LogSettings};

/// lapin logs messages that the broker returned, body and all, and bodies hold personal data.
const KEPT_OUT: &str = "lapin=off";

/// Lines that wait to be written. Whatever comes while so many wait is dropped and counted: a reader that
/// reads nothing, as of a full pipe, must not hold up the process.
const WAITING_LINES: usize = 10_000;
/// How long the last lines may take to be written at the end of the process.
const LAST_LINES: Duration = Duration::from_secs(1);

static WRITER: OnceLock<Writer> = OnceLock::new();

struct Writer {
    dropped: ErrorCounter,
    // Never dropped, as the process ends by returning from `main`: see `flush`.
    _guard: WorkerGuard,
}

/// Starts to log to standard error, from a thread of its own. Call it once, first thing in `main`.
///
/// # Errors
/// When `settings.filter` is no filter.
pub fn start(settings: &LogSettings) -> anyhow::Result<()> {
    let filter = filter(&settings.filter)?;
    let (writer, guard): (NonBlocking, WorkerGuard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(WAITING_LINES)
        .thread_name("log")
        .finish(io::stderr());
    let dropped = writer.error_counter();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(io::stderr().is_terminal());
    match settings.format {
        LogFormat::Text => subscriber.compact().init(),
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
    let _ = WRITER.set(Writer { dropped, _guard: guard });
    std::panic::set_hook(Box::new(|panic| {
        let backtrace = std::backtrace::Backtrace::capture();
        tracing::error!("{panic}\n{backtrace}");
    }));
    Ok(())
}

/// How many lines were dropped because nobody read them.
pub fn dropped_lines() -> usize {
    WRITER.get().map_or(0, |writer| writer.dropped.dropped_lines())
}

/// Writes a last word to standard error, and waits for it no longer than a second.
pub fn say(text: String) {
    let (done, written) = mpsc::channel();
    thread::spawn(move || {
        let _ = io::stderr().write_all(text.as_bytes());
        let _ = done.send(());
    });
    let _ = written.recv_timeout(LAST_LINES);
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
