//! What callers asked and were told, held against what the tables say (invariants I1, I4, I5 and I6
//! of the design).

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use shared::bus::Queue;
use test_support::{TestDatabase, TestVhost, eventually};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::{
    system::{Caller, expect, id},
    tables::{execute, rows},
};

/// How long a caller repeats a request before the test has failed.
const PATIENCE: Duration = Duration::from_secs(90);

/// A request under its idempotency key, and what it was answered in the end.
pub struct Exchange {
    path: String,
    key: String,
    body: Value,
    answer: Value,
}

impl Exchange {
    /// Adds leads to a campaign. The first answer must be a 200.
    pub async fn at_once(caller: &Caller, campaign: Uuid, body: Value) -> Self {
        let mut exchange = Self::new(campaign, body);
        exchange.answer = expect(200, exchange.send(caller).await.expect("an answer")).await;
        exchange
    }

    /// Adds leads to a campaign by two requests at once under the same key, which are one.
    pub async fn with_a_twin(caller: &Caller, campaign: Uuid, body: Value) -> Self {
        let mut exchange = Self::new(campaign, body);
        let (one, other) = tokio::join!(exchange.send(caller), exchange.send(caller));
        exchange.answer = expect(200, one.expect("an answer")).await;
        assert_eq!(expect(200, other.expect("an answer")).await, exchange.answer);
        exchange
    }

    /// Adds leads to a campaign, as a good caller does: no answer, 409, 503 and 504 are reasons to
    /// ask again under the same key.
    pub async fn with_patience(caller: &Caller, campaign: Uuid, body: Value) -> Self {
        Self::observed(caller, campaign, body, |_, _| {}).await
    }

    /// The same; `told` learns of each try how long it took and what it was answered: no status, where
    /// there was no answer.
    pub async fn observed(
        caller: &Caller,
        campaign: Uuid,
        body: Value,
        mut told: impl FnMut(Duration, Option<u16>),
    ) -> Self {
        let mut exchange = Self::new(campaign, body);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let begun = Instant::now();
            let sent = exchange.send(caller).await;
            told(begun.elapsed(), sent.as_ref().ok().map(|response| response.status().as_u16()));
            if let Ok(response) = sent {
                match response.status().as_u16() {
                    409 | 503 | 504 => {}
                    _ => {
                        exchange.answer = expect(200, response).await;
                        return exchange;
                    }
                }
            }
            assert!(Instant::now() < deadline, "no answer to {}", exchange.key);
            sleep(Duration::from_millis(50)).await;
        }
    }

    fn new(campaign: Uuid, body: Value) -> Self {
        let path = format!("/v1/campaigns/{campaign}/leads");
        Self { path, key: Uuid::new_v4().to_string(), body, answer: Value::Null }
    }

    async fn send(&self, caller: &Caller) -> reqwest::Result<Response> {
        let request = caller.request(Method::POST, &self.path).header("idempotency-key", &self.key);
        request.json(&self.body).send().await
    }

    /// The same request again gets the same answer.
    async fn replay(&self, caller: &Caller) {
        let response = self.send(caller).await.expect("an answer");
        assert_eq!(response.headers()["idempotent-replayed"], "true");
        assert_eq!(expect(200, response).await, self.answer, "{}", self.key);
    }

    /// The results of the entries that were accepted, with their indexes.
    pub fn accepted(&self) -> impl Iterator<Item = (usize, &Value)> {
        let results = self.answer["data"]["results"].as_array().expect("results");
        results.iter().enumerate().filter(|(_, result)| result["status"] != "error")
    }

    /// How many entries were told that they had added their lead.
    pub fn added(&self) -> u64 {
        self.answer["data"]["summary"]["added"].as_u64().expect("a number")
    }

    fn campaign(&self) -> Uuid {
        id(&self.answer["data"]["campaign_id"])
    }
}

/// All that one workspace's callers were told.
pub struct History<'a> {
    pub exchanges: Vec<Exchange>,
    pub caller: &'a Caller,
    pub database: &'a TestDatabase,
}

impl History<'_> {
    /// Checks everything, at rest.
    pub async fn check(&self, vhost: &TestVhost) {
        assert!(!self.exchanges.is_empty());
        queues_are_empty(vhost).await;
        self.tables_agree().await;
        self.replays_agree().await;
        // Replays have changed nothing, and left nothing behind.
        self.tables_agree().await;
        queues_are_empty(vhost).await;
    }

    async fn tables_agree(&self) {
        let workspace = expect(200, self.caller.get("/v1/workspace").await).await;
        let own = format!("WHERE workspace_id = '{}'", id(&workspace["data"]["id"]));
        let leads = rows(self.database, &format!("SELECT * FROM lead.leads {own}")).await;
        let marked = "SELECT l.*, i.key FROM campaign.links l \
                      LEFT JOIN gateway.idempotency_keys i USING (workspace_id, submission_id)";
        let links = rows(self.database, &format!("{marked} {own}")).await;
        self.leads_are_as_told(&leads);
        self.links_are_as_told(&links);
    }

    /// I1: every lead that was named exists and was made by exactly one entry; every identifier
    /// names one lead.
    fn leads_are_as_told(&self, leads: &[Value]) {
        for identifier in ["phone", "email"] {
            let mut seen = HashSet::new();
            for lead in leads.iter().filter(|lead| !lead[identifier].is_null()) {
                let owned = (&lead["workspace_id"], &lead[identifier]);
                assert!(seen.insert(owned), "two leads with {}", lead[identifier]);
            }
        }
        let mut made: HashMap<&Value, usize> = leads.iter().map(|lead| (&lead["id"], 0)).collect();
        for (_, result) in self.exchanges.iter().flat_map(Exchange::accepted) {
            let made = made.get_mut(&result["lead_id"]);
            let made = made.unwrap_or_else(|| panic!("{} does not exist", result["lead_id"]));
            *made += usize::from(result["created"] == true);
        }
        for (lead, times) in made {
            assert_eq!(times, 1, "entries that were told to have made lead {lead}");
        }
        self.identifiers_are_attached(leads);
    }

    /// Unless somebody overwrites, an identifier stays with the lead that got it first.
    fn identifiers_are_attached(&self, leads: &[Value]) {
        if self.exchanges.iter().any(|exchange| exchange.body["merge"] == "overwrite") {
            return;
        }
        let owner = |identifier: &str, value: &Value| {
            leads.iter().find(|lead| lead[identifier] == *value).map(|lead| &lead["id"])
        };
        for exchange in self.exchanges.iter().filter(|exchange| exchange.body["merge"] != "none") {
            for (index, result) in exchange.accepted().filter(|(_, r)| r["conflict"].is_null()) {
                for identifier in ["phone", "email"] {
                    let brought = &exchange.body["leads"][index][identifier];
                    let kept = result["kept"].as_array().into_iter().flatten();
                    if brought.is_null() || kept.into_iter().any(|kept| kept == identifier) {
                        continue;
                    }
                    let lead = Some(&result["lead_id"]);
                    assert_eq!(owner(identifier, brought), lead, "{brought} of {result}");
                }
            }
        }
    }

    /// I4: links are the distinct accepted pairs of campaign and lead, each `added` by one entry,
    /// which is the one whose mark it bears.
    fn links_are_as_told(&self, links: &[Value]) {
        let mut told = HashMap::new();
        for exchange in &self.exchanges {
            for (index, result) in exchange.accepted() {
                let pair = (exchange.campaign(), id(&result["lead_id"]));
                let adders: &mut Vec<_> = told.entry(pair).or_default();
                if result["status"] == "added" {
                    adders.push((exchange.key.as_str(), index as u64));
                }
            }
        }
        let added: u64 = self.exchanges.iter().map(Exchange::added).sum();
        assert_eq!(added, links.len() as u64);
        for link in links {
            let pair = (id(&link["campaign_id"]), id(&link["lead_id"]));
            let mark = (
                link["key"].as_str().expect("made under a key"),
                link["entry"].as_u64().expect("a place"),
            );
            assert_eq!(told.remove(&pair), Some(vec![mark]), "who was told to have added {link}");
        }
        assert!(told.is_empty(), "not linked: {told:?}");
    }

    /// I5: every key gives the same answer again, from memory and found out anew.
    async fn replays_agree(&self) {
        let replays = || {
            let replays = stream::iter(&self.exchanges);
            replays.for_each_concurrent(16, |exchange| exchange.replay(self.caller))
        };
        replays().await;
        execute(self.database, "UPDATE gateway.idempotency_keys SET answer = NULL").await;
        replays().await;
    }
}

/// I6: nothing waits and nothing was given up.
pub async fn queues_are_empty(vhost: &TestVhost) {
    let work = |queue: &Queue| queue.durable() && *queue != Queue::DeadLetters;
    for queue in Queue::ALL.into_iter().filter(work) {
        let empty = async || (vhost.messages(queue.name()).await == Some(0)).then_some(());
        eventually(Duration::from_secs(20), empty).await;
    }
    assert_eq!(vhost.first_message(Queue::DeadLetters.name()).await, None);
}

/// The body of a request with these entries.
pub fn leads(entries: Vec<Value>, merge: &str) -> Value {
    json!({"leads": entries, "merge": merge})
}
