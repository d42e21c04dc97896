//! What the services behind the gateway run beside their own business.

use std::net::TcpListener;

use tokio_util::sync::CancellationToken;

use crate::{
    admin::{self, Readiness},
    bus::{Lane, Queue, SharedBus},
    database::Database,
    metrics::{Metrics, watch_queues},
    purge::{self, Portion},
    requests::{self, Answers},
    supervisor::Supervisor,
    traces::Tracer,
};

/// Connections for look-ups; the pipeline's workers have their own.
pub const POOL_SIZE: usize = 8;
/// Connections for changes, which may wait for locks, beside those for look-ups.
pub const CHANGES_POOL_SIZE: usize = 4;

/// Loops that answer look-ups.
const ANSWERERS: usize = 2;

/// A service: everything that it does at once, until it is stopped.
pub struct Service {
    /// The bus that it works on.
    pub bus: SharedBus,
    /// Where it keeps what it owns.
    pub database: Database,
    /// Where its work shows in traces.
    pub tracer: Tracer,
    /// Cancelled when it is to finish what it has begun, and end.
    pub stop: CancellationToken,
    tasks: Supervisor,
}

impl Service {
    /// A service that does nothing yet.
    pub fn new(
        bus: SharedBus,
        database: Database,
        tracer: Tracer,
        stop: CancellationToken,
    ) -> Self {
        let tasks = Supervisor::new(stop.clone());
        Self { bus, database, tracer, stop, tasks }
    }

    /// Does this, too. It must end when the service is stopped, and not before.
    pub fn run(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(name, task);
    }

    /// Runs workers on each lane of the pipeline; `workers` on those for callers who wait.
    pub fn work<F>(
        &mut self,
        workers: usize,
        worker: impl Fn(Lane, SharedBus, Database, Tracer, CancellationToken) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        for lane in Lane::ALL {
            for _ in 0..lane.workers(workers) {
                let (bus, database) = (self.bus.clone(), self.database.clone());
                let (tracer, stop) = (self.tracer.clone(), self.stop.clone());
                self.run("a worker of the pipeline", worker(lane, bus, database, tracer, stop));
            }
        }
    }

    /// Answers look-ups and changes that come on a queue.
    pub fn answer(&mut self, queue: Queue, answers: impl Answers + Clone + 'static) {
        let current = std::iter::repeat_n(queue, ANSWERERS);
        for queue in current.chain(queue.legacy()) {
            let (bus, tracer, stop) = (self.bus.clone(), self.tracer.clone(), self.stop.clone());
            let serving = requests::serve(bus, queue, answers.clone(), tracer, stop);
            self.run("the answering of requests", serving);
        }
    }

    /// Forgets by and by what is only kept for a while.
    pub fn purge(&mut self, portion: Portion) {
        let purging = purge::run(self.database.clone(), self.stop.clone(), portion);
        self.run("a purge", purging);
    }

    /// Tells how it is, and how much waits in these queues, until it has been stopped and has
    /// finished what it had begun.
    ///
    /// # Errors
    /// When the listener fails, or a task of the service panics or ends by itself.
    pub async fn serve(
        mut self,
        listener: TcpListener,
        metrics: Metrics,
        queues: impl IntoIterator<Item = Queue>,
    ) -> anyhow::Result<()> {
        let queues: Vec<_> = queues.into_iter().collect();
        self.run(
            "the watch over queues",
            watch_queues(self.bus.clone(), queues, self.stop.clone()),
        );
        let Self { bus, database, tracer: _, stop, tasks } = self;
        let readiness = Readiness { bus, database, stopping: stop.clone() };
        let told = async { Ok(admin::serve(listener, readiness, metrics, stop).await?) };
        tokio::try_join!(told, tasks.run())?;
        Ok(())
    }
}
