//! Two replicas of each service, as processes, and callers who never stop asking.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use shared::database::Database;
use test_support::TestDatabase;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    dice::Dice,
    history::{Exchange, leads},
    observed::Observed,
    processes::Service,
    system::{Caller, caller},
};

/// Six processes.
pub struct Fleet {
    _services: Vec<Service>,
    /// A caller of each gateway, of one workspace.
    pub callers: [Caller; 2],
    /// The same of another workspace, whose leads no history follows.
    others: [Caller; 2],
    pub database: TestDatabase,
}

impl Fleet {
    /// Starts two of each and waits until they are ready.
    pub async fn start(amqp_url: &str) -> Self {
        let database = TestDatabase::create().await;
        let connection = Database::new(&database.url(), 1).expect("a URL");
        gateway::migrate(&connection).await.expect("migrated");
        let mut services = Vec::new();
        for (name, address) in [
            ("gateway", "ROLLCALL__GATEWAY__LISTEN"),
            ("lead-service", "ROLLCALL__LEAD_SERVICE__ADMIN"),
            ("campaign-service", "ROLLCALL__CAMPAIGN_SERVICE__ADMIN"),
        ] {
            for _ in 0..2 {
                services.push(Service::new(name, address, amqp_url, &database.url()));
            }
        }
        services.iter_mut().for_each(Service::start);
        for service in &services {
            service.ready().await;
        }
        let [first, second] = [services[0].url(), services[1].url()];
        let at = async |gateway, workspace| caller(&database, gateway, workspace, Some(0)).await;
        let callers = [at(first, "Acme").await, at(second, "Acme").await];
        let others = [at(first, "Globex").await, at(second, "Globex").await];
        Self { _services: services, callers, others, database }
    }
}

/// Callers who add leads, look things up and make campaigns, for as long as the test lasts.
pub struct Callers {
    adding: JoinSet<Vec<Exchange>>,
    looking: JoinSet<()>,
    stop: CancellationToken,
}

impl Callers {
    /// Starts them at both gateways.
    pub async fn start(fleet: &Fleet, dice: &mut Dice, observed: &Observed) -> Self {
        let mut campaigns = [Uuid::nil(); 2];
        for campaign in &mut campaigns {
            *campaign = fleet.callers[0].campaign("Steady").await;
        }
        let big = fleet.others[0].campaign("Big").await;
        let stop = CancellationToken::new();
        let mut callers =
            Self { adding: JoinSet::new(), looking: JoinSet::new(), stop: stop.clone() };
        for caller in &fleet.callers {
            for _ in 0..4 {
                let (caller, dice) = (caller.clone(), dice.split());
                callers.adding.spawn(add(caller, campaigns, dice, observed.clone(), stop.clone()));
            }
        }
        for caller in &fleet.others {
            for kind in ["GET leads", "GET campaigns", "POST campaigns", "POST big submission"] {
                let (caller, observed) = (caller.clone(), observed.clone());
                let looking = look(kind, caller, big, observed, stop.clone());
                callers.looking.spawn(looking);
            }
        }
        callers
    }

    /// Lets them finish, and returns what those who added leads were told.
    pub async fn finish(self) -> Vec<Exchange> {
        self.stop.cancel();
        self.looking.join_all().await;
        self.adding.join_all().await.into_iter().flatten().collect()
    }
}

async fn add(
    caller: Caller,
    campaigns: [Uuid; 2],
    mut dice: Dice,
    observed: Observed,
    stop: CancellationToken,
) -> Vec<Exchange> {
    let mut exchanges = Vec::new();
    while !stop.is_cancelled() {
        let entries = (0..=dice.below(3)).map(|_| {
            let (phone, email) = (dice.below(500), dice.below(500));
            json!({"phone": format!("+1555{phone:07}"), "email": format!("{email}@example.com")})
        });
        let body = leads(entries.collect(), "fill");
        let campaign = dice.pick(&campaigns);
        let told = |took, status| observed.add("POST leads", took, status);
        exchanges.push(Exchange::observed(&caller, campaign, body, told).await);
        sleep(Duration::from_millis(dice.below(40))).await;
    }
    exchanges
}

async fn look(
    kind: &'static str,
    caller: Caller,
    campaign: Uuid,
    observed: Observed,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        let request = match kind {
            "GET leads" => caller.request(Method::GET, "/v1/leads?per_page=5"),
            "GET campaigns" => caller.request(Method::GET, &format!("/v1/campaigns/{campaign}")),
            "POST campaigns" => {
                caller.request(Method::POST, "/v1/campaigns").json(&json!({"name": "One more"}))
            }
            _ => caller
                .request(Method::POST, &format!("/v1/campaigns/{campaign}/leads"))
                .header("prefer", "respond-async")
                .json(&json!({"leads": [{"email": "big@example.com"}]})),
        };
        let begun = Instant::now();
        let answer = request.send().await;
        let status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
        observed.add(kind, begun.elapsed(), status);
        sleep(Duration::from_millis(100)).await;
    }
}
