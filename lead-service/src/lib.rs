//! The lead service: owns leads, and resolves each entry of a submission to one of them.
//!
//! [`resolve`] is the heart: pure, no I/O. [`writer`] carries a batch through one transaction,
//! [`intake`] takes batches from the bus and hands them on.

pub mod erasures;
pub mod intake;
pub mod requests;
pub mod resolve;
mod search;
mod store;
pub mod unit;
pub mod writer;

use std::{net::TcpListener, sync::Arc};

use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use futures_util::FutureExt;
use shared::{
    admin::{self, Readiness},
    bus::{Lane, Queue, SharedBus},
    database::{self, Database},
    metrics::{Metrics, watch_queues},
    settings::ServiceSettings,
    traces::Tracer,
};
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// Connections for look-ups; the pipeline's workers have their own.
pub const POOL_SIZE: usize = 8;

/// Loops that answer look-ups.
const ANSWERERS: usize = 2;

/// Brings the schema `lead` up to date.
///
/// # Errors
/// When the database cannot be reached or a migration fails.
pub async fn migrate(database: &Database) -> anyhow::Result<()> {
    database::migrate(database, "lead", MIGRATIONS).await
}

/// Runs the service until stopped; then finishes what it has begun.
///
/// # Errors
/// When the listener fails.
pub async fn run(
    settings: ServiceSettings,
    listener: TcpListener,
    bus: SharedBus,
    database: Database,
    metrics: Metrics,
    tracer: Tracer,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let readiness =
        Readiness { bus: bus.clone(), database: database.clone(), stopping: stop.clone() };
    let mut tasks = JoinSet::new();
    for lane in Lane::ALL {
        for _ in 0..lane.workers(settings.workers) {
            let (bus, database) = (bus.clone(), database.clone());
            tasks.spawn(intake::run(lane, bus, database, tracer.clone(), stop.clone()));
        }
    }
    let deleted = Arc::new(Notify::new());
    for _ in 0..ANSWERERS {
        let deleted = deleted.clone();
        let answers = requests::LeadAnswers { database: database.clone(), deleted };
        let (bus, tracer, stop) = (bus.clone(), tracer.clone(), stop.clone());
        tasks.spawn(shared::requests::serve(bus, Queue::LeadRequests, answers, tracer, stop));
    }
    let queues = Lane::ALL.map(Lane::submitted);
    let queues = queues.into_iter().chain([Queue::LeadRequests, Queue::DeadLetters]);
    tasks.spawn(watch_queues(bus.clone(), queues, stop.clone()));
    tasks.spawn(erasures::run(bus, database.clone(), deleted, stop.clone()));
    tasks.spawn(shared::purge::run(database, stop.clone(), |connection| {
        store::records::purge(connection).boxed()
    }));
    admin::serve(listener, readiness, metrics, stop).await?;
    tasks.join_all().await;
    Ok(())
}
