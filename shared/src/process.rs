//! What the `main` of every service does the same way.

use std::{
    env,
    net::{SocketAddr, TcpListener},
    process::ExitCode,
    sync::Arc,
    thread,
};

use anyhow::{Context, anyhow};
use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use crate::{
    bus::{SharedBus, rabbit::RabbitBus},
    crash,
    database::Database,
    metrics::Metrics,
    settings::{SecretUrl, Settings},
    telemetry,
    traces::Tracer,
};

/// A service's process: its settings, what it counts, and the signal to stop.
pub struct Process {
    /// All settings.
    pub settings: Settings,
    /// What it counts.
    pub metrics: Metrics,
    /// Cancelled at SIGTERM and SIGINT.
    pub stop: CancellationToken,
}

impl Process {
    /// Reads settings, starts to log, to count and to listen for signals.
    ///
    /// # Errors
    /// When a setting is wrong.
    pub fn start() -> anyhow::Result<Self> {
        crash::setup();
        let settings = Settings::load()?;
        telemetry::start(&settings.log)?;
        let metrics = Metrics::start()?;
        let stop = CancellationToken::new();
        tokio::spawn(cancel_at_signal(stop.clone())?);
        Ok(Self { settings, metrics, stop })
    }

    /// The database of a service: its own, else the common one.
    ///
    /// # Errors
    /// When there is neither.
    pub fn database(
        &self,
        own: Option<&SecretUrl>,
        connections: usize,
    ) -> anyhow::Result<Database> {
        let url = own.or(self.settings.database_url.as_ref());
        let url = url.ok_or_else(|| anyhow!("wrong setting: DATABASE_URL is not set"))?;
        Database::new(url.expose(), connections)
    }

    /// The service's own connections to the broker.
    ///
    /// # Errors
    /// When no broker is set.
    pub fn bus(&self, service: &str) -> anyhow::Result<SharedBus> {
        let url = self.settings.amqp_url.as_ref();
        let url = url.ok_or_else(|| anyhow!("wrong setting: AMQP_URL is not set"))?;
        Ok(Arc::new(rabbit_bus(url, service)?))
    }

    /// What begins the service's spans.
    ///
    /// # Errors
    /// When they cannot be exported where they should.
    pub fn tracer(&self, service: &'static str) -> anyhow::Result<Tracer> {
        Tracer::start(service, self.settings.traces_url.as_ref())
    }
}

/// Connections to the broker, under a name that its operator understands.
///
/// # Errors
/// When the URL is wrong.
pub fn rabbit_bus(url: &SecretUrl, service: &str) -> anyhow::Result<RabbitBus> {
    RabbitBus::start(url.expose(), &format!("rollcall {service}"))
        .map_err(|error| anyhow!("wrong setting: AMQP_URL: {error}"))
}

/// Binds a listener, naming the setting where that fails.
///
/// # Errors
/// When the address cannot be bound.
pub fn listen(setting: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).with_context(|| format!("{setting}: cannot listen on {address}"))
}

/// Runs a service and ends the process: the body of its `main`.
pub fn run(service: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    exit(runtime().and_then(|runtime| runtime.block_on(service)))
}

/// A runtime with a thread for every second processor, unless `TOKIO_WORKER_THREADS` sets a number. A
/// service mostly waits for the broker and the database, and waking one thread from another costs it more
/// than the work that it could share with it.
fn runtime() -> anyhow::Result<runtime::Runtime> {
    let threads = match env::var_os("TOKIO_WORKER_THREADS") {
        Some(number) => number
            .to_str()
            .and_then(|number| number.parse().ok())
            .filter(|number| *number > 0)
            .context("wrong setting: TOKIO_WORKER_THREADS: not a number of threads")?,
        None => thread::available_parallelism().map_or(1, usize::from).div_ceil(2),
    };
    let runtime =
        runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    Ok(runtime)
}

/// Ends the process, with one line on standard error where it failed.
pub fn exit(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            telemetry::say(format!("rollcall: {error:#}\n"));
            ExitCode::FAILURE
        }
    }
}

/// Cancels the token at the first SIGTERM or SIGINT.
///
/// # Errors
/// When signals cannot be handled.
pub fn cancel_at_signal(
    stop: CancellationToken,
) -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        // First: a log that nobody reads must not keep the process from stopping.
        stop.cancel();
        tracing::info!("stopping");
    })
}
