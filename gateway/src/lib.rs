//! The gateway: HTTP in front of the pipeline.
//!
//! Authenticates, limits, gathers submissions into messages ([`gather`]) and brings each caller its
//! own answer. Entries pass through it unread.

pub mod activity;
pub mod auth;
pub mod callbacks;
pub mod connections;
pub mod console;
pub mod drain;
pub mod error;
pub mod extract;
pub mod gather;
pub mod idempotency;
pub mod keys;
pub mod limits;
pub mod metrics;
pub mod middleware;
pub mod origin;
pub mod routes;
pub mod scopes;
pub mod services;
pub mod specification;
pub mod state;
pub mod submissions;
pub mod workspaces;

mod pauses;

use std::{net::TcpListener, sync::Arc, time::Duration};

use actix_web::{App, HttpServer, middleware::from_fn, web::Data};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use futures_util::FutureExt;
use shared::{
    admin::{self, Readiness},
    bus::SharedBus,
    database::{self, Database},
    metrics::Metrics,
    settings::GatewaySettings,
    supervisor::Supervisor,
    traces::Tracer,
};
use tokio_util::sync::CancellationToken;

use crate::{
    activity::Activity,
    auth::Authenticator,
    callbacks::{Guard, delivery::Delivery},
    console::Console,
    drain::InFlight,
    gather::Gatherer,
    idempotency::IdempotencyKeys,
    metrics::HttpMetrics,
    services::Services,
    specification::Specification,
    state::State,
    submissions::{Submissions, worker::Worker},
};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// Database connections; keys are remembered, so few are needed, and some for big submissions.
pub const POOL_SIZE: usize = 8;

/// Brings the schema `gateway` up to date.
///
/// # Errors
/// When the database cannot be reached or a migration fails.
pub async fn migrate(database: &Database) -> anyhow::Result<()> {
    database::migrate(database, "gateway", MIGRATIONS).await
}

/// Where the gateway is reached.
pub struct Listeners {
    /// The API, with `/health` and `/ready`.
    pub api: TcpListener,
    /// Those two and `/metrics`, for who runs it.
    pub admin: TcpListener,
}

/// Serves HTTP until stopped; then finishes the requests that have begun.
///
/// # Errors
/// When a listener fails, or a task panics or ends by itself.
pub async fn run(
    settings: GatewaySettings,
    listeners: Listeners,
    bus: SharedBus,
    database: Database,
    metrics: Metrics,
    tracer: Tracer,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let workers = settings.http_workers;
    let head_timeout = Duration::from_secs(settings.head_timeout_seconds);
    let keep_alive = Duration::from_secs(settings.keep_alive_seconds);
    let readiness =
        Readiness { bus: bus.clone(), database: database.clone(), stopping: stop.clone() };
    let told = Data::new(readiness.clone());
    let specification = Data::new(Specification::new());
    let console = Data::new(Console::new());
    let in_flight = InFlight::new(stop.clone());
    let (room, timeout) = (settings.max_leads_in_flight, settings.answer_timeout());
    let mut tasks = Supervisor::new(stop.clone());
    let gatherer = Gatherer::start(bus.clone(), room, timeout, tracer.clone(), &mut tasks);
    let gatherer = Arc::new(gatherer);
    let (guard, arrived, finished) =
        (Guard::new(settings.callbacks_allow_private), Arc::default(), Arc::default());
    let activity = Arc::new(Activity::new());
    let worker = Worker {
        database: database.clone(),
        bus: bus.clone(),
        gatherer: Arc::clone(&gatherer),
        arrived: Arc::clone(&arrived),
        finished: Arc::clone(&finished),
        activity: Arc::clone(&activity),
    };
    let working = worker.run(settings.submission_workers, stop.clone());
    let delivery = Delivery::new(database.clone(), guard, finished);
    let drained = bus.clone();
    let state = Data::new(State {
        in_flight: in_flight.clone(),
        idempotency: IdempotencyKeys::new(database.clone()),
        metrics: HttpMetrics::new(),
        tracer,
        authenticator: Authenticator::new(database.clone(), activity, &settings),
        database: database.clone(),
        services: Services::new(bus.clone()),
        bus,
        dead_letters: Default::default(),
        gatherer,
        submissions: Submissions::new(database.clone(), guard, arrived),
        settings,
    });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(told.clone())
            .app_data(state.clone())
            .app_data(specification.clone())
            .app_data(console.clone())
            .wrap(from_fn(middleware::authenticate))
            .wrap(from_fn(middleware::accompany))
            .configure(admin::routes)
            .configure(specification::routes)
            .configure(console::routes)
            .configure(routes::routes)
            .default_service(routes::nowhere())
    })
    .workers(workers)
    .client_request_timeout(head_timeout)
    .keep_alive(keep_alive)
    .on_connect(connections::watch(keep_alive + head_timeout))
    .disable_signals()
    .listen(listeners.api)?
    .run();
    let stopping = in_flight.stop_gently(server.handle(), drained);
    tasks.spawn("the work on big submissions", working);
    tasks.spawn("the delivery of callbacks", delivery.run(stop.clone()));
    tasks.spawn(
        "the purge of idempotency keys",
        IdempotencyKeys::purge(database.clone(), stop.clone()),
    );
    let purging = shared::purge::run(database, stop.clone(), |connection| {
        submissions::store::purge(connection).boxed()
    });
    tasks.spawn("the purge of submissions", purging);
    let told = async { Ok(admin::serve(listeners.admin, readiness, metrics, stop).await?) };
    let served = async {
        let (served, ()) = tokio::join!(server, stopping);
        Ok(served?)
    };
    tokio::try_join!(served, told, tasks.run())?;
    Ok(())
}
