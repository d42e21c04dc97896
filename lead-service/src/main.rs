//! The lead service as a process of its own.

use std::process::ExitCode;

use lead_service::{POOL_SIZE, migrate, run};
use shared::process::{self, Process, listen};

fn main() -> ExitCode {
    process::run(serve())
}

async fn serve() -> anyhow::Result<()> {
    let process = Process::start()?;
    let settings = process.settings.lead_service.clone();
    let listener = listen("lead_service.admin", settings.admin)?;
    let database = process.database(settings.database_url.as_ref(), POOL_SIZE)?;
    let bus = process.bus("lead-service")?;
    let tracer = process.tracer("lead-service")?;
    migrate(&database).await?;
    let (metrics, stop) = (process.metrics, process.stop);
    run(settings, listener, bus.clone(), database, metrics, tracer.clone(), stop).await?;
    bus.close().await;
    tracer.close().await;
    Ok(())
}
