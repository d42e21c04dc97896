//! The gateway as a process of its own.

use std::process::ExitCode;

use gateway::{POOL_SIZE, migrate, run};
use shared::process::{self, Process, listen};

#[tokio::main]
async fn main() -> ExitCode {
    process::exit(serve().await)
}

async fn serve() -> anyhow::Result<()> {
    let process = Process::start()?;
    let settings = process.settings.gateway.clone();
    let listener = listen("gateway.listen", settings.listen)?;
    let database = process.database(settings.database_url.as_ref(), POOL_SIZE)?;
    let bus = process.bus("gateway")?;
    migrate(&database).await?;
    run(settings, listener, bus.clone(), database, process.stop).await?;
    bus.close().await;
    Ok(())
}
