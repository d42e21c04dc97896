//! Ctrl-C and its like.

use std::time::Duration;

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// Signals this close together are one wish: some wrappers hand on what the process got already.
const ONE_WISH: Duration = Duration::from_millis(500);

/// What the person or the system in front of us wants.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Cancelled by the first signal: finish what is under way, then end.
    pub gracefully: CancellationToken,
    /// Cancelled by the second: end now.
    pub at_once: CancellationToken,
}

/// Listens from now on to Ctrl-C, SIGTERM and the closing of the terminal, which then do not end
/// the process by themselves any more.
///
/// # Errors
/// When the system refuses.
pub fn listen() -> std::io::Result<Stop> {
    let mut signals = Signals {
        interrupt: signal(SignalKind::interrupt())?,
        terminate: signal(SignalKind::terminate())?,
        hangup: signal(SignalKind::hangup())?,
    };
    let stop = Stop::default();
    let told = stop.clone();
    tokio::spawn(async move {
        signals.next().await;
        // First: a log that nobody reads must not keep the process from stopping.
        told.gracefully.cancel();
        tracing::info!("stopping");
        let first = Instant::now();
        while first.elapsed() < ONE_WISH {
            signals.next().await;
        }
        told.at_once.cancel();
    });
    Ok(stop)
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
