//! `/health` and `/ready`, the same on every process (contract section 1).

use std::net::TcpListener;

use actix_web::{
    App, HttpResponse, HttpServer, get,
    web::{Data, ServiceConfig},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    bus::{SharedBus, Status},
    contract::{ErrorBody, ErrorCode},
    database::Database,
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
    /// The part that is missing.
    async fn check(&self) -> Result<(), &'static str> {
        if self.stopping.is_cancelled() {
            return Err("The service is stopping");
        }
        if let Status::Unavailable(reason) = self.bus.status() {
            tracing::debug!(%reason, "not ready");
            return Err("The message broker is not reached");
        }
        self.database.check().await.map_err(|error| {
            tracing::debug!(%error, "not ready");
            "The database is not reached"
        })
    }
}

/// Adds both routes. The application's data must hold a [`Readiness`].
pub fn routes(config: &mut ServiceConfig) {
    config.service(health).service(ready);
}

/// The process lives.
#[get("/health")]
async fn health() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// The process can do its work.
#[get("/ready")]
async fn ready(readiness: Data<Readiness>) -> HttpResponse {
    match readiness.check().await {
        Ok(()) => HttpResponse::Ok().json(json!({"status": "ready"})),
        Err(missing) => HttpResponse::ServiceUnavailable()
            .insert_header(("Retry-After", "1"))
            .json(json!({"error": ErrorBody::new(ErrorCode::Unavailable, missing)})),
    }
}

/// Serves both routes until stopped.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    readiness: Readiness,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let readiness = Data::new(readiness);
    let server = HttpServer::new(move || App::new().app_data(readiness.clone()).configure(routes))
        .workers(1)
        .disable_signals()
        .listen(listener)?
        .run();
    let handle = server.handle();
    let stopping = async move {
        stop.cancelled().await;
        handle.stop(true).await;
    };
    tokio::join!(server, stopping).0
}
