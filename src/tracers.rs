//! What begins the spans of each service: one process has three names in a trace.

use shared::{settings::SecretUrl, traces::Tracer};

/// A tracer for each service.
pub struct Tracers {
    /// The gateway's.
    pub gateway: Tracer,
    /// The lead service's.
    pub lead_service: Tracer,
    /// The campaign service's.
    pub campaign_service: Tracer,
}

impl Tracers {
    /// Starts to export to this URL, if there is one.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn start(url: Option<&SecretUrl>) -> anyhow::Result<Self> {
        Ok(Self {
            gateway: Tracer::start("gateway", url)?,
            lead_service: Tracer::start("lead-service", url)?,
            campaign_service: Tracer::start("campaign-service", url)?,
        })
    }

    /// Exports what is left, once the services have ended.
    pub async fn close(&self) {
        let Self { gateway, lead_service, campaign_service } = self;
        tokio::join!(gateway.close(), lead_service.close(), campaign_service.close());
    }
}
