//! The gateway as a process of its own.

use std::process::ExitCode;

use gateway::{Listeners, POOL_SIZE, migrate, run};
use shared::process::{self, Process, listen};

fn main() -> ExitCode {
    process::run(serve())
}

async fn serve() -> anyhow::Result<()> {
    let process = Process::start()?;
    let settings = process.settings.gateway.clone();
    let listeners = Listeners {
        api: listen("gateway.listen", settings.listen)?,
        admin: listen("gateway.admin", settings.admin)?,
    };
    let database = process.database(settings.database_url.as_ref(), POOL_SIZE)?;
    let bus = process.bus("gateway")?;
    let tracer = process.tracer("gateway")?;
    migrate(&database).await?;
    let (metrics, stop) = (process.metrics, process.stop);
    run(settings, listeners, bus.clone(), database, metrics, tracer.clone(), stop).await?;
    bus.close().await;
    tracer.close().await;
    Ok(())
}
