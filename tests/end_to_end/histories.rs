//! Random writers at once, then the invariants.

use serde_json::{Map, Value, json};
use test_support::TestVhost;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    dice::Dice,
    history::{Exchange, History, leads},
    system::{Caller, System},
};

const WRITERS: u64 = 12;
const REQUESTS: usize = 15;

#[tokio::test(flavor = "multi_thread")]
async fn random_writers_leave_the_invariants() {
    let mut dice = Dice::thrown();
    let system = System::with(2, Some(TestVhost::create().await), |_| {}).await;
    let vhost = system.vhost.as_ref().expect("on RabbitMQ");
    let campaigns = [system.acme.campaign("One").await, system.acme.campaign("Other").await];
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        writers.spawn(write(system.acme.clone(), campaigns, dice.split()));
    }
    let exchanges = writers.join_all().await.into_iter().flatten().collect();
    let history = History { exchanges, caller: &system.acme, database: &system.database };
    history.check(vhost).await;
}

/// Asks for people at random, and now and then for the same again, twice at once.
async fn write(caller: Caller, campaigns: [Uuid; 2], mut dice: Dice) -> Vec<Exchange> {
    let mut exchanges = Vec::new();
    let mut known = Vec::new();
    for _ in 0..REQUESTS {
        let entries = (0..=dice.below(8)).map(|_| entry(&mut dice, &known)).collect();
        let body = leads(entries, dice.pick(&["fill", "overwrite", "none"]));
        let campaign = dice.pick(&campaigns);
        let exchange = if dice.percent(25) {
            Exchange::with_a_twin(&caller, campaign, body).await
        } else {
            Exchange::at_once(&caller, campaign, body).await
        };
        known.extend(exchange.accepted().map(|(_, result)| result["lead_id"].clone()));
        exchanges.push(exchange);
    }
    exchanges
}

fn entry(dice: &mut Dice, known: &[Value]) -> Value {
    let mut entry = Map::new();
    if !known.is_empty() && dice.percent(15) {
        entry.insert("lead_id".to_owned(), known[dice.below(known.len() as u64) as usize].clone());
    }
    if dice.percent(60) {
        entry.insert("phone".to_owned(), json!(format!("+1555{:07}", dice.below(25))));
    }
    if dice.percent(60) {
        entry.insert("email".to_owned(), json!(format!("{}@example.com", dice.below(25))));
    }
    if dice.percent(50) {
        entry.insert("first_name".to_owned(), json!(dice.pick(&["Ann", "Ben", "", "Cleo"])));
    }
    if dice.percent(5) {
        entry.insert("phone".to_owned(), json!("nobody's"));
    }
    Value::Object(entry)
}
