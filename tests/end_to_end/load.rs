//! Callers who go on asking while something breaks.

use std::time::Duration;

use serde_json::json;
use shared::bus::{Bus, Message, Queue, rabbit::RabbitBus, within};
use test_support::{TestDatabase, eventually};
use tokio::{
    task::{JoinHandle, JoinSet},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    dice::Dice,
    history::{Exchange, leads},
    processes::Processes,
    system::{Caller, expect, id},
    tables::rows,
};

/// Callers who ask for a few people again and again, and repeat what they get no answer to.
pub struct Load {
    callers: JoinSet<Vec<Exchange>>,
    stop: CancellationToken,
}

impl Load {
    /// Starts so many callers, for two campaigns of the workspace.
    pub async fn start(caller: &Caller, callers: usize, dice: &mut Dice) -> Self {
        let campaigns = [caller.campaign("One").await, caller.campaign("Other").await];
        let stop = CancellationToken::new();
        let mut load = Self { callers: JoinSet::new(), stop: stop.clone() };
        for _ in 0..callers {
            let (caller, stop) = (caller.clone(), stop.clone());
            load.callers.spawn(ask(caller, campaigns, dice.split(), stop));
        }
        load
    }

    /// Lets the callers finish what they have begun, and returns all that they were told.
    pub async fn finish(self) -> Vec<Exchange> {
        self.stop.cancel();
        self.callers.join_all().await.into_iter().flatten().collect()
    }
}

async fn ask(
    caller: Caller,
    campaigns: [Uuid; 2],
    mut dice: Dice,
    stop: CancellationToken,
) -> Vec<Exchange> {
    let mut exchanges = Vec::new();
    while !stop.is_cancelled() {
        let entries = (0..=dice.below(4)).map(|_| {
            let (phone, email) = (dice.below(200), dice.below(200));
            json!({"phone": format!("+1555{phone:07}"), "email": format!("{email}@example.com")})
        });
        let body = leads(entries.collect(), "fill");
        let campaign = dice.pick(&campaigns);
        exchanges.push(Exchange::with_patience(&caller, campaign, body).await);
        // A steady stream rather than a flood: what counts is that something is always under way.
        sleep(Duration::from_millis(dice.below(20))).await;
    }
    exchanges
}

/// An internal service that publishes to the queue and waits for the broker's confirm alone: who
/// would ask again is not there, so that what gets lost stays lost.
pub struct Publisher {
    workspace: Uuid,
    published: JoinHandle<u64>,
    stop: CancellationToken,
}

impl Publisher {
    /// Starts to publish new people, for a workspace and a campaign of its own.
    pub async fn start(processes: &Processes, amqp_url: &str) -> Self {
        let caller = processes.caller("Globex").await;
        let workspace = id(&expect(200, caller.get("/v1/workspace").await).await["data"]["id"]);
        let campaign = caller.campaign("Queue").await;
        let bus = RabbitBus::start(amqp_url, "publisher").expect("a URL");
        let stop = CancellationToken::new();
        let published = tokio::spawn(publish(bus, workspace, campaign, stop.clone()));
        Self { workspace, published, stop }
    }

    /// Stops, and checks that everything that was confirmed has been carried out.
    pub async fn finish(self, database: &TestDatabase) {
        self.stop.cancel();
        let published = self.published.await.expect("no panic");
        for table in ["lead.leads", "campaign.links"] {
            let query =
                format!("SELECT count(*) FROM {table} WHERE workspace_id = '{}'", self.workspace);
            let all =
                async || (rows(database, &query).await[0]["count"] == published).then_some(());
            eventually(Duration::from_secs(30), all).await;
        }
        println!("{published} messages");
    }
}

async fn publish(bus: RabbitBus, workspace: Uuid, campaign: Uuid, stop: CancellationToken) -> u64 {
    let mut published = 0;
    while !stop.is_cancelled() {
        let submission = json!({
            "id": Uuid::now_v7(), "workspace_id": workspace, "campaign_id": campaign,
            "leads": [{"phone": format!("+1555{published:07}")}],
        });
        let body = serde_json::to_vec(&json!({"submissions": [submission]})).expect("JSON");
        let deadline = within(Duration::from_secs(60));
        bus.publish(Queue::Submitted, Message::new(body), deadline).await.expect("confirmed");
        published += 1;
        sleep(Duration::from_millis(20)).await;
    }
    bus.close().await;
    published
}

/// Waits for some time below `most`.
pub async fn a_while(dice: &mut Dice, most: Duration) {
    let most = u64::try_from(most.as_millis()).expect("short");
    sleep(Duration::from_millis(dice.below(most))).await;
}
