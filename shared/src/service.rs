//! What the services behind the gateway run beside their own business.

use std::net::TcpListener;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    admin::{self, Readiness},
    bus::{Lane, Queue, SharedBus},
    database::Database,
    metrics::{Metrics, watch_queues},
    purge::{self, Portion},
    requests::{self, Answers},
};

/// Connections for look-ups; the pipeline's workers have their own.
pub const POOL_SIZE: usize = 8;

/// Loops that answer look-ups.
const ANSWERERS: usize = 2;

/// A service: everything that it does at once, until it is stopped.
pub struct Service {
    /// The bus that it works on.
    pub bus: SharedBus,
    /// Where it keeps what it owns.
    pub database: Database,
    /// Cancelled when it is to finish what it has begun, and end.
    pub stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Service {
    /// A service that does nothing yet.
    pub fn new(bus: SharedBus, database: Database, stop: CancellationToken) -> Self {
        Self { bus, database, stop, tasks: JoinSet::new() }
    }

    /// Does this, too. It must end when the service is stopped.
    pub fn run(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Runs workers on each lane of the pipeline; `workers` on those for callers who wait.
    pub fn work<F>(
        &mut self,
        workers: usize,
        worker: impl Fn(Lane, SharedBus, Database, CancellationToken) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        for lane in Lane::ALL {
            for _ in 0..lane.workers(workers) {
                let (bus, database) = (self.bus.clone(), self.database.clone());
                self.run(worker(lane, bus, database, self.stop.clone()));
            }
        }
    }

    /// Answers look-ups and changes that come on a queue.
    pub fn answer(&mut self, queue: Queue, answers: impl Answers + Clone + 'static) {
        for _ in 0..ANSWERERS {
            let (bus, stop) = (self.bus.clone(), self.stop.clone());
            self.run(requests::serve(bus, queue, answers.clone(), stop));
        }
    }

    /// Forgets by and by what is only kept for a while.
    pub fn purge(&mut self, portion: Portion) {
        self.run(purge::run(self.database.clone(), self.stop.clone(), portion));
    }

    /// Tells how it is, and how much waits in these queues, until it has been stopped and has
    /// finished what it had begun.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(
        mut self,
        listener: TcpListener,
        metrics: Metrics,
        queues: impl IntoIterator<Item = Queue>,
    ) -> anyhow::Result<()> {
        let queues: Vec<_> = queues.into_iter().collect();
        self.run(watch_queues(self.bus.clone(), queues, self.stop.clone()));
        let Self { bus, database, stop, tasks } = self;
        let readiness = Readiness { bus, database, stopping: stop.clone() };
        admin::serve(listener, readiness, metrics, stop).await?;
        tasks.join_all().await;
        Ok(())
    }
}
