//! `/health`, `/ready` and `/metrics`, the same on every process (contract section 1,
//! docs/operations.md).

use std::net::TcpListener;

use actix_web::{
    App, HttpResponse, HttpServer, Route, get,
    http::header::ALLOW,
    web::{self, Data, ServiceConfig},
};
use metrics::gauge;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    bus::{SharedBus, Status},
    contract::{ErrorBody, ErrorCode},
    database::{Database, PoolState},
    metrics::{BUS_UP, Metrics, POOL_CONNECTIONS, POOL_LIMIT},
};

/// What a process needs to do its work.
#[derive(Clone)]
pub struct Readiness {
    /// The broker.
    pub bus: SharedBus,
    /// The process's database.
    pub database: Database,
    /// Cancelled when the process stops taking work.
    pub stopping: CancellationToken,
}

impl Readiness {
    /// # Errors
    /// All that is missing.
    async fn check(&self) -> Result<(), String> {
        if self.stopping.is_cancelled() {
            return Err("The service is stopping".to_owned());
        }
        let mut missing = Vec::new();
        if let Status::Unavailable(reason) = self.bus.status() {
            tracing::debug!(%reason, "not ready");
            missing.push("The message broker is not reached");
        }
        if let Err(error) = self.database.check().await {
            tracing::debug!(%error, "not ready");
            missing.push("The database is not reached");
        }
        if missing.is_empty() { Ok(()) } else { Err(missing.join(". ")) }
    }

    /// Brings the gauges of bus and database up to date.
    fn measure(&self) {
        let up = self.bus.status() == Status::Ready;
        gauge!(BUS_UP).set(if up { 1.0 } else { 0.0 });
        let PoolState { idle, busy, limit } = self.database.pool();
        gauge!(POOL_CONNECTIONS, "state" => "idle").set(idle as f64);
        gauge!(POOL_CONNECTIONS, "state" => "busy").set(busy as f64);
        gauge!(POOL_LIMIT).set(limit as f64);
    }
}

/// Adds the first two. The application's data must hold a [`Readiness`].
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/health").get(health).head(health).default_service(only_get()))
        .service(web::resource("/ready").get(ready).head(ready).default_service(only_get()));
}

/// Answers other methods.
fn only_get() -> Route {
    web::route().to(async || {
        let error = ErrorBody::new(ErrorCode::MethodNotAllowed, "Method not allowed");
        HttpResponse::MethodNotAllowed().insert_header((ALLOW, "GET")).json(json!({"error": error}))
    })
}

/// The process lives.
async fn health() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// The process can do its work.
async fn ready(readiness: Data<Readiness>) -> HttpResponse {
    match readiness.check().await {
        Ok(()) => HttpResponse::Ok().json(json!({"status": "ready"})),
        Err(missing) => HttpResponse::ServiceUnavailable()
            .insert_header(("Retry-After", "1"))
            .json(json!({"error": ErrorBody::new(ErrorCode::Unavailable, missing)})),
    }
}

/// What the process has counted, and how things stand just now.
#[get("/metrics")]
async fn scrape(readiness: Data<Readiness>, metrics: Data<Metrics>) -> HttpResponse {
    readiness.measure();
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(metrics.render())
}

/// Serves all three until stopped.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    readiness: Readiness,
    metrics: Metrics,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let (readiness, metrics) = (Data::new(readiness), Data::new(metrics));
    let app = move || {
        let app = App::new().app_data(readiness.clone()).app_data(metrics.clone());
        app.configure(routes).service(scrape)
    };
    let server = HttpServer::new(app).workers(1).disable_signals().listen(listener)?.run();
    let handle = server.handle();
    let stopping = async move {
        stop.cancelled().await;
        handle.stop(true).await;
    };
    tokio::join!(server, stopping).0
}
