//! The campaign service: owns campaigns, and which lead is in which of them.
//!
//! [`linker`] carries a batch into the database in one statement, [`linking`] takes batches from the
//! bus and answers who asked.

pub mod linker;
pub mod linking;
pub mod metrics;
pub mod requests;
pub mod store;

use std::net::TcpListener;

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
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// Connections for look-ups; the pipeline's workers have their own.
pub const POOL_SIZE: usize = 8;

/// Loops that answer look-ups.
const ANSWERERS: usize = 2;

/// Brings the schema `campaign` up to date.
///
/// # Errors
/// When the database cannot be reached or a migration fails.
pub async fn migrate(database: &Database) -> anyhow::Result<()> {
    database::migrate(database, "campaign", MIGRATIONS).await
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
            tasks.spawn(linking::run(lane, bus, database, tracer.clone(), stop.clone()));
        }
    }
    for _ in 0..ANSWERERS {
        let answers = requests::CampaignAnswers { database: database.clone() };
        let (bus, tracer, stop) = (bus.clone(), tracer.clone(), stop.clone());
        tasks.spawn(shared::requests::serve(bus, Queue::CampaignRequests, answers, tracer, stop));
    }
    let queues = Lane::ALL.map(Lane::resolved).into_iter().chain([Queue::CampaignRequests]);
    tasks.spawn(watch_queues(bus, queues, stop.clone()));
    tasks.spawn(store::keep_folding(database.clone(), stop.clone()));
    tasks.spawn(shared::purge::run(database.clone(), stop.clone(), |connection| {
        store::purge_removals(connection).boxed()
    }));
    tasks.spawn(shared::purge::run(database, stop.clone(), |connection| {
        store::decisions::purge(connection).boxed()
    }));
    admin::serve(listener, readiness, metrics, stop).await?;
    tasks.join_all().await;
    Ok(())
}
