//! `rollcall status`: whether all is well, at a glance.

use std::{
    io::{self, Write},
    time::Duration,
};

use serde_json::{Value, json};
use shared::{
    bus::{
        Queue,
        rabbit::{Depth, depths},
        within,
    },
    settings::Settings,
};

use crate::{ending::Ending, listeners::from_here, probe, table};

/// How long the broker may take.
const TIMEOUT: Duration = Duration::from_secs(10);

struct Service {
    name: &'static str,
    url: String,
    /// What is missing, if anything.
    problem: Option<String>,
}

struct Broker {
    queues: Vec<(Queue, Option<Depth>)>,
}

/// Asks everybody, and shows what they say.
///
/// # Errors
/// When a setting is wrong.
pub async fn run(as_json: bool) -> anyhow::Result<Ending> {
    let settings = Settings::load()?;
    let addresses = [
        ("gateway", settings.gateway.listen),
        ("lead-service", settings.lead_service.admin),
        ("campaign-service", settings.campaign_service.admin),
    ];
    let asked = addresses.map(|(name, address)| async move {
        let url = format!("http://{}/ready", from_here(address));
        let answer = probe::healthcheck(&url).await;
        Service { name, url, problem: answer.err().map(|error| format!("{error:#}")) }
    });
    let [gateway, lead_service, campaign_service] = asked;
    let broker = async {
        let url = settings.amqp_url.as_ref()?;
        let queues = depths(url.expose(), within(TIMEOUT)).await;
        Some(queues.map(|queues| Broker { queues }).map_err(|error| error.to_string()))
    };
    let (gateway, lead_service, campaign_service, broker) =
        tokio::join!(gateway, lead_service, campaign_service, broker);
    let services = [gateway, lead_service, campaign_service];

    let text =
        if as_json { as_value(&services, &broker).to_string() } else { tables(&services, &broker) };
    writeln!(io::stdout(), "{text}")?;
    let dead = match &broker {
        Some(Ok(broker)) => broker.dead_letters(),
        Some(Err(_)) | None => 0,
    };
    let well = services.iter().all(|it| it.problem.is_none()) && !matches!(broker, Some(Err(_)));
    Ok(match (well, dead) {
        (false, _) => Ending::NotWell,
        (true, 0) => Ending::Fine,
        (true, _) => Ending::Leftovers,
    })
}

impl Broker {
    fn dead_letters(&self) -> u32 {
        let letters = self.queues.iter().find(|(queue, _)| *queue == Queue::DeadLetters);
        letters.and_then(|(_, depth)| depth.as_ref()).map_or(0, |depth| depth.messages)
    }
}

type Asked = Option<Result<Broker, String>>;

fn tables(services: &[Service], broker: &Asked) -> String {
    let rows: Vec<_> = services
        .iter()
        .map(|service| {
            let state = service.problem.clone().unwrap_or_else(|| "ready".to_owned());
            [service.name.to_owned(), service.url.clone(), state]
        })
        .collect();
    let mut lines = table::lines(["SERVICE", "ASKED", "STATE"], &rows);
    lines.push(String::new());
    match broker {
        None => lines.push(
            "AMQP_URL is not set: the queues are within the process of `rollcall up`".to_owned(),
        ),
        Some(Err(problem)) => lines.push(problem.clone()),
        Some(Ok(broker)) => {
            let rows: Vec<_> = broker
                .queues
                .iter()
                .map(|(queue, depth)| {
                    let (messages, consumers) = match depth {
                        Some(depth) => (depth.messages.to_string(), depth.consumers.to_string()),
                        None => ("not there".to_owned(), "-".to_owned()),
                    };
                    [queue.name().to_owned(), messages, consumers]
                })
                .collect();
            lines.extend(table::lines(["QUEUE", "WAITING", "CONSUMERS"], &rows));
            if broker.dead_letters() > 0 {
                lines.push("\nDead letters: see `rollcall dead-letters list`".to_owned());
            }
        }
    }
    lines.join("\n")
}

fn as_value(services: &[Service], broker: &Asked) -> Value {
    let services = services.iter().map(|service| {
        json!({"name": service.name, "url": service.url, "ready": service.problem.is_none(),
               "problem": service.problem})
    });
    let broker = broker.as_ref().map(|broker| match broker {
        Err(problem) => json!({"reached": false, "problem": problem}),
        Ok(broker) => {
            let queues = broker.queues.iter().map(|(queue, depth)| {
                json!({"name": queue.name(), "messages": depth.as_ref().map(|it| it.messages),
                       "consumers": depth.as_ref().map(|it| it.consumers)})
            });
            json!({"reached": true, "queues": queues.collect::<Vec<_>>(),
                   "dead_letters": broker.dead_letters()})
        }
    });
    json!({"services": services.collect::<Vec<_>>(), "broker": broker})
}
