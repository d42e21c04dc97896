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
use tokio_util::sync::CancellationToken;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

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
    let answers = requests::CampaignAnswers {
        database: database.clone(),
        changes: database.with_own_pool(CHANGES_POOL_SIZE)?,
        turns: WorkspaceTurns::default(),
    };
    let folding = store::keep_folding(database.clone(), stop.clone());
    let mut service = Service::new(bus, database, tracer, stop);
    service.work(settings.workers, linking::run);
    service.answer(Queue::CampaignRequests, answers);
    service.run("the folding of counts", folding);
    service.purge(|connection| store::purge_removals(connection).boxed());
    service.purge(|connection| store::decisions::purge(connection).boxed());
    let queues = Lane::ALL.map(Lane::resolved).into_iter().chain([Queue::CampaignRequests]);
    service.serve(listener, metrics, queues).await
}
