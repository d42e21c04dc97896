//! `rollcall up`.

use std::{
    convert::Infallible,
    io::{self, Write},
    net::SocketAddr,
    path::Path,
};

use anyhow::anyhow;
use shared::{metrics::Metrics, settings::Settings, telemetry};

use crate::{
    databases::Databases,
    demo::{self, Demo},
    listeners::Listeners,
    probe,
    services::{Buses, Services},
    signals::{self, Stop},
    tracers::Tracers,
};

/// Runs everything until told to stop.
///
/// # Errors
/// When something does not start, or ends by itself.
pub async fn run() -> anyhow::Result<()> {
    let settings = Settings::load()?;
    telemetry::start(&settings.log)?;
    let metrics = Metrics::start()?;
    // First, so that nothing is left behind by a Ctrl-C while things start.
    let stop = signals::listen()?;
    let listeners = Listeners::bind(&settings)?;

    let databases = Databases::open(&settings).await?;
    let served = tokio::select! {
        served = serve(&settings, listeners, &databases, &metrics, &stop) => served,
        () = stop.at_once.cancelled() => Err(anyhow!("stopped before all was finished")),
    };
    let closed = databases.close().await;
    served.and(closed)
}

async fn serve(
    settings: &Settings,
    listeners: Listeners,
    databases: &Databases,
    metrics: &Metrics,
    stop: &Stop,
) -> anyhow::Result<()> {
    databases.migrate().await?;
    let demo = demo::create_if_first(databases).await?;
    let addresses = listeners.addresses()?;

    let buses = Buses::start(settings.amqp_url.as_ref())?;
    let tracers = Tracers::start(settings.traces_url.as_ref())?;
    let services = Services::start(settings, listeners, &buses, databases, metrics, &tracers);
    let announcing = async {
        // The bus first: it says itself what it waits for, and the services log each unready answer.
        buses.until_ready().await;
        probe::until_ready(&addresses).await;
        let private = databases.private_folder();
        let text = announcement(settings, addresses[0], private.as_deref(), demo.as_ref());
        // Nobody may be reading; that is no reason to stop, or to wait.
        std::thread::spawn(move || io::stdout().write_all(text.as_bytes()));
        std::future::pending::<Infallible>().await
    };
    let served = tokio::select! {
        served = services.run(&stop.gracefully) => served,
        never = announcing => match never {},
    };
    buses.close().await;
    tracers.close().await;
    served
}

/// Where everything is, and at the first start how to try it.
fn announcement(
    settings: &Settings,
    gateway: SocketAddr,
    private: Option<&Path>,
    demo: Option<&Demo>,
) -> String {
    let bus = match settings.amqp_url {
        Some(_) => "RabbitMQ (AMQP_URL)",
        None => "in this process; set AMQP_URL to use RabbitMQ",
    };
    let database = match private {
        Some(folder) => format!("private, in {}; set DATABASE_URL to use yours", folder.display()),
        None => "PostgreSQL (DATABASE_URL)".to_owned(),
    };
    let workspace = demo::WORKSPACE;
    let next = match demo {
        Some(demo) => format!(
            "
The first start made the workspace {workspace} with a campaign and a key. The key is shown only now:

  {}

Try it:

{}
",
            demo.key,
            demo::curl(gateway, demo)
        ),
        None => format!("  new key:   rollcall keys create --workspace {workspace}\n"),
    };
    format!(
        "\nRollcall serves http://{gateway}\n  bus:       {bus}\n  database:  {database}\n{next}\n"
    )
}
