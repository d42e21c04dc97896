//! Rollcall, set up to be measured.

use std::{path::Path, process::Command, rc::Rc};

use anyhow::{Context, ensure};

use super::{Place, Watch, service::Service};
use crate::{http::Connection, load::Target};

/// How Rollcall runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// A process for each service, RabbitMQ between them.
    Distributed,
    /// `rollcall up`: one process, the bus within.
    InProcess,
}

/// A running Rollcall with a workspace, a key without limit and a campaign.
pub struct Rollcall {
    services: Vec<Service>,
    /// Where requests go.
    pub target: Rc<Target>,
    /// What is to be measured while they do.
    pub watch: Watch,
}

impl Rollcall {
    /// Starts it and waits until it serves.
    pub async fn start(place: &Place, layout: Layout) -> anyhow::Result<Self> {
        let names: &[&'static str] = match layout {
            Layout::Distributed => &["gateway", "lead-service", "campaign-service"],
            Layout::InProcess => &["rollcall"],
        };
        let mut services = Vec::new();
        let mut watch = Watch::default();
        for &name in names {
            let mut command = command(place, name)?;
            match layout {
                Layout::Distributed => command.env("AMQP_URL", &place.amqp_url),
                Layout::InProcess => command.arg("up"),
            };
            let service = Service::start(name, command, &place.folder)?;
            watch.service(name, service.pid());
            services.push(service);
        }
        for (service, address) in services.iter_mut().zip(place.addresses) {
            service.until_ready(address).await?;
        }
        if layout == Layout::Distributed {
            watch.server("broker", place.server("rabbitmq")?);
        }
        watch.server("PostgreSQL", place.server("postgres")?);
        watch.generator("load");

        let gateway = place.addresses[0];
        let key = create_key(place)?;
        let mut connection = Connection::open(gateway).await?;
        let body = r#"{"name":"Bench","status":"active"}"#;
        let request = format!(
            "POST /v1/campaigns HTTP/1.1\r\nhost: {gateway}\r\nauthorization: Bearer {key}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = connection.exchange(request.as_bytes()).await?;
        ensure!(answer.status == 201, "no campaign: {}", String::from_utf8_lossy(answer.body));
        let answer: serde_json::Value = serde_json::from_slice(answer.body)?;
        let campaign = answer["data"]["id"].as_str().context("a campaign without id")?.to_owned();
        Ok(Self { services, target: Rc::new(Target { gateway, key, campaign }), watch })
    }

    /// What the processes logged: warnings and errors.
    pub fn said(&self) -> String {
        self.services.iter().map(Service::said).collect()
    }
}

/// A program of ours with the settings for this run, and no others.
fn command(place: &Place, name: &str) -> anyhow::Result<Command> {
    let mut command = Command::new(place.program(name)?);
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("ROLLCALL") {
            command.env_remove(variable);
        }
    }
    let [gateway, lead_service, campaign_service] =
        place.addresses.map(|address| address.to_string());
    command
        // Where no rollcall.toml is.
        .current_dir(Path::new(&place.folder))
        .env_remove("AMQP_URL")
        .env("DATABASE_URL", &place.database_url)
        .env("ROLLCALL__LOG__FILTER", "warn")
        .env("ROLLCALL__GATEWAY__LISTEN", gateway)
        // Nobody asks there.
        .env("ROLLCALL__GATEWAY__ADMIN", "127.0.0.1:0")
        .env("ROLLCALL__LEAD_SERVICE__ADMIN", lead_service)
        .env("ROLLCALL__CAMPAIGN_SERVICE__ADMIN", campaign_service);
    Ok(command)
}

fn create_key(place: &Place) -> anyhow::Result<String> {
    let arguments = ["keys", "create", "--workspace", "Bench", "--rate-limit", "0"];
    let made = command(place, "rollcall")?.args(arguments).output()?;
    ensure!(made.status.success(), "no key: {}", String::from_utf8_lossy(&made.stderr));
    Ok(String::from_utf8(made.stdout)?.trim().to_owned())
}
