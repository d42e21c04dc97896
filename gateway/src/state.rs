//! What all handlers share.

use std::sync::Arc;

use shared::{bus::SharedBus, database::Database, settings::GatewaySettings, traces::Tracer};

use crate::{
    auth::Authenticator, drain::InFlight, gather::Gatherer, idempotency::IdempotencyKeys,
    metrics::HttpMetrics, services::Services, submissions::Submissions,
};

/// What all handlers share.
pub struct State {
    /// The gateway's settings.
    pub settings: GatewaySettings,
    /// The requests that are under way.
    pub in_flight: InFlight,
    /// What is counted of them.
    pub metrics: HttpMetrics,
    /// Begins their spans.
    pub tracer: Tracer,
    /// Who calls.
    pub authenticator: Authenticator,
    /// Requests that callers gave a name.
    pub idempotency: IdempotencyKeys,
    /// Keys and workspaces.
    pub database: Database,
    /// The services behind the bus.
    pub services: Services,
    /// The way into the pipeline.
    pub gatherer: Arc<Gatherer>,
    /// Big submissions.
    pub submissions: Submissions,
    /// The bus itself, for who runs Rollcall.
    pub bus: SharedBus,
    /// Held by who looks at the dead letters.
    pub dead_letters: tokio::sync::Mutex<()>,
}
