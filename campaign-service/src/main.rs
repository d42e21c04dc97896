//! The campaign service as a process of its own.

use std::process::ExitCode;

use campaign_service::{POOL_SIZE, migrate, run};
use shared::process::{self, Process, listen};

fn main() -> ExitCode {
    process::run(serve())
}

async fn serve() -> anyhow::Result<()> {
    let process = Process::start()?;
    let settings = process.settings.campaign_service.clone();
    let listener = listen("campaign_service.admin", settings.admin)?;
    let database = process.database(settings.database_url.as_ref(), POOL_SIZE)?;
    let bus = process.bus("campaign-service")?;
    let tracer = process.tracer("campaign-service")?;
    migrate(&database).await?;
    let (metrics, stop) = (process.metrics, process.stop);
    run(settings, listener, bus.clone(), database, metrics, tracer.clone(), stop).await?;
    bus.close().await;
    tracer.close().await;
    Ok(())
}
