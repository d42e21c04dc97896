//! The three services, side by side in this process.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, anyhow};
use shared::{
    bus::{SharedBus, Status, memory::MemoryBus},
    metrics::Metrics,
    process::rabbit_bus,
    settings::{SecretUrl, Settings},
};
use tokio::{
    task::{Id, JoinSet},
    time::{Instant, sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{databases::Databases, listeners::Listeners, tracers::Tracers};

/// How long the services may take to finish what is under way.
const STOP_TIMEOUT: Duration = Duration::from_secs(25);
/// How often it is looked whether a bus is connected.
const PAUSE: Duration = Duration::from_millis(50);

/// A bus for each service: three connections to one broker, or three times the same one.
pub struct Buses {
    gateway: SharedBus,
    lead_service: SharedBus,
    campaign_service: SharedBus,
}

impl Buses {
    /// Starts to connect to the broker, or makes a bus within the process where there is none.
    ///
    /// # Errors
    /// When the URL is wrong.
    pub fn start(amqp_url: Option<&SecretUrl>) -> anyhow::Result<Self> {
        let Some(url) = amqp_url else {
            let bus: SharedBus = Arc::new(MemoryBus::new());
            return Ok(Self {
                gateway: bus.clone(),
                lead_service: bus.clone(),
                campaign_service: bus,
            });
        };
        let start = |service: &str| -> anyhow::Result<SharedBus> {
            Ok(Arc::new(rabbit_bus(url, service)?))
        };
        Ok(Self {
            gateway: start("gateway")?,
            lead_service: start("lead-service")?,
            campaign_service: start("campaign-service")?,
        })
    }

    /// Waits until all are connected.
    pub async fn until_ready(&self) {
        for bus in [&self.gateway, &self.lead_service, &self.campaign_service] {
            while bus.status() != Status::Ready {
                sleep(PAUSE).await;
            }
        }
    }

    /// Ends connections in good order, once the services have ended.
    pub async fn close(&self) {
        let Self { gateway, lead_service, campaign_service } = self;
        tokio::join!(gateway.close(), lead_service.close(), campaign_service.close());
    }
}

/// The running services, in the order in which leads pass them.
pub struct Services {
    running: JoinSet<anyhow::Result<()>>,
    handles: Vec<Handle>,
}

struct Handle {
    name: &'static str,
    task: Id,
    stop: CancellationToken,
    ended: bool,
}

impl Services {
    /// Starts all three.
    pub fn start(
        settings: &Settings,
        listeners: Listeners,
        buses: &Buses,
        databases: &Databases,
        metrics: &Metrics,
        tracers: &Tracers,
    ) -> Self {
        let mut services = Self { running: JoinSet::new(), handles: Vec::new() };
        services.add("gateway", |stop| {
            let (bus, database) = (buses.gateway.clone(), databases.gateway.clone());
            let (settings, metrics) = (settings.gateway.clone(), metrics.clone());
            let (listeners, tracer) = (listeners.gateway, tracers.gateway.clone());
            gateway::run(settings, listeners, bus, database, metrics, tracer, stop)
        });
        services.add("lead service", |stop| {
            let (bus, database) = (buses.lead_service.clone(), databases.lead_service.clone());
            let (settings, metrics) = (settings.lead_service.clone(), metrics.clone());
            let (listener, tracer) = (listeners.lead_service, tracers.lead_service.clone());
            lead_service::run(settings, listener, bus, database, metrics, tracer, stop)
        });
        services.add("campaign service", |stop| {
            let bus = buses.campaign_service.clone();
            let database = databases.campaign_service.clone();
            let (settings, metrics) = (settings.campaign_service.clone(), metrics.clone());
            let (listener, tracer) = (listeners.campaign_service, tracers.campaign_service.clone());
            campaign_service::run(settings, listener, bus, database, metrics, tracer, stop)
        });
        services
    }

    fn add<F>(&mut self, name: &'static str, service: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let task = self.running.spawn(service(stop.clone())).id();
        self.handles.push(Handle { name, task, stop, ended: false });
    }

    /// Runs until told to stop, and then stops all, or until one of them ends by itself.
    ///
    /// # Errors
    /// When one ended by itself, or did not stop in time.
    pub async fn run(mut self, stop: &CancellationToken) -> anyhow::Result<()> {
        tokio::select! {
            () = stop.cancelled() => self.stop().await,
            // What is under way is broken off: it cannot be finished without the service.
            ended = self.next_end() => ended.and_then(|name| Err(anyhow!("the {name} ended"))),
        }
    }

    /// One after the other, the gateway first: what it still waits for, the others must do.
    async fn stop(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + STOP_TIMEOUT;
        let mut outcome = Ok(());
        for service in 0..self.handles.len() {
            self.handles[service].stop.cancel();
            while !self.handles[service].ended {
                let name = self.handles[service].name;
                let ended = timeout_at(deadline, self.next_end()).await;
                let ended = ended.with_context(|| format!("the {name} did not stop in time"))?;
                outcome = outcome.and(ended.map(drop));
            }
        }
        outcome
    }

    /// Waits for the next service to end; says which.
    async fn next_end(&mut self) -> anyhow::Result<&'static str> {
        let ended = self.running.join_next_with_id().await.context("no service runs")?;
        let (task, result) = match ended {
            Ok(ended) => ended,
            Err(error) => (error.id(), Err(error.into())),
        };
        let handle = self.handles.iter_mut().find(|handle| handle.task == task);
        let handle = handle.context("an unknown service ended")?;
        handle.ended = true;
        result.map(|()| handle.name).with_context(|| format!("the {} failed", handle.name))
    }
}
