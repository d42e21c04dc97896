//! Stopping without breaking off requests.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_web::dev::ServerHandle;
use shared::bus::{SharedBus, stays_away};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How long requests may take to finish after the signal to stop.
const PATIENCE: Duration = Duration::from_secs(20);
/// The same while the broker is away, without which none can be finished.
const AWAY: Duration = Duration::from_secs(3);
/// How long nothing must have been under way before the server closes its connections. The
/// framework's own graceful stop would wait for idle connections too, until its time is over.
const QUIET: Duration = Duration::from_millis(200);

/// The requests that are under way.
#[derive(Clone)]
pub struct InFlight {
    count: Arc<AtomicUsize>,
    stop: CancellationToken,
}

/// One request under way.
pub struct Entered(Arc<AtomicUsize>);

impl InFlight {
    /// None yet; `stop` says when there should be no more.
    pub fn new(stop: CancellationToken) -> Self {
        Self { count: Arc::default(), stop }
    }

    /// Counts a request until the returned value is dropped.
    pub fn enter(&self) -> Entered {
        self.count.fetch_add(1, Ordering::AcqRel);
        Entered(Arc::clone(&self.count))
    }

    /// Whether callers should look for another server.
    pub fn stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// At the signal, takes no more connections, waits for the requests that are under way, and
    /// stops the server.
    pub async fn stop_gently(self, server: ServerHandle, bus: SharedBus) {
        self.stop.cancelled().await;
        server.pause().await;
        tokio::select! {
            () = self.quiet() => {}
            () = sleep(PATIENCE) => tracing::warn!("requests were broken off"),
            () = stays_away(&*bus, AWAY) => {
                tracing::warn!("requests were broken off, as RabbitMQ is away");
            }
        }
        server.stop(false).await;
    }

    async fn quiet(&self) {
        const LOOKS: u32 = 10;
        let mut quiet = 0;
        while quiet < LOOKS {
            sleep(QUIET / LOOKS).await;
            quiet = if self.count.load(Ordering::Acquire) == 0 { quiet + 1 } else { 0 };
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
