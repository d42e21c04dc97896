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
pub use shared::service::POOL_SIZE;
use shared::{
    bus::{Lane, Queue, SharedBus},
    database::{self, Database},
    metrics::Metrics,
    service::{CHANGES_POOL_SIZE, Service},
    settings::ServiceSettings,
    traces::Tracer,
    workspace_turns::WorkspaceTurns,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

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
/// When the listener fails, or a task panics or ends by itself.
pub async fn run(
    settings: ServiceSettings,
    listener: TcpListener,
    bus: SharedBus,
    database: Database,
    metrics: Metrics,
    tracer: Tracer,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let deleted = Arc::new(Notify::new());
    let answers = requests::LeadAnswers {
        database: database.clone(),
        changes: database.with_own_pool(CHANGES_POOL_SIZE)?,
        turns: WorkspaceTurns::default(),
        deleted: deleted.clone(),
    };
    let erasures = erasures::run(bus.clone(), database.clone(), deleted, stop.clone());
    let mut service = Service::new(bus, database, tracer, stop);
    service.work(settings.workers, intake::run);
    service.answer(Queue::LeadRequests, answers);
    service.run("the erasure of links", erasures);
    service.purge(|connection| store::records::purge(connection).boxed());
    let queues = Lane::ALL.map(Lane::submitted);
    let queues = queues.into_iter().chain([Queue::LeadRequests, Queue::DeadLetters]);
    service.serve(listener, metrics, queues).await
}
