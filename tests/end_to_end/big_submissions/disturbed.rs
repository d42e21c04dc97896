//! A big submission while the broker is restarted and the services are killed, with single leads
//! beside it.
//!
//! `ROLLCALL_TEST_LEADS=100000 scripts/test.sh --workspace --features failpoints -E 'test(disturbed)' --no-capture`
//! runs it at full size and prints how long single leads took.

use std::{env, time::Duration};

use serde_json::json;
use test_support::{Broker, TestVhost, eventually};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{failures::all_added, leads, show, submit};
use crate::{
    history::Exchange,
    processes::{Processes, Service},
    system::Caller,
};

/// Leads of each submission, unless `ROLLCALL_TEST_LEADS` says otherwise.
const LEADS: usize = 4_000;
/// Far more than any size takes.
const MINUTES: Duration = Duration::from_secs(600);
/// Between two single leads of one caller.
const PAUSE: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_disturbed_submission_is_carried_out() {
    let total = env::var("ROLLCALL_TEST_LEADS").map_or(LEADS, |n| n.parse().expect("a number"));
    let broker = Broker::start().await;
    let vhost = TestVhost::create_on(&broker).await;
    let mut processes = Processes::start(&vhost.amqp_url()).await;
    let (acme, globex) = (processes.acme.clone(), processes.caller("Globex").await);

    let rows = SingleLeads::start(&acme, &globex, "in peace").await;
    let begun = Instant::now();
    let campaign = acme.campaign("Peace").await;
    let location = submit(&acme, campaign, &json!({"leads": leads(0..total)})).await;
    processed(&acme, &location, total).await;
    println!("{total} leads in peace: {:.1} s", begun.elapsed().as_secs_f64());
    rows.finish().await;
    all_added(&acme, &location, campaign, total).await;

    let rows = SingleLeads::start(&acme, &globex, "disturbed").await;
    let begun = Instant::now();
    let campaign = acme.campaign("Disturbed").await;
    let location = submit(&acme, campaign, &json!({"leads": leads(total..2 * total)})).await;
    processed(&acme, &location, total / 10).await;
    // RabbitMQ 3.10 writes down new quorum queues some seconds late: it is stopped in good order.
    broker.stop().await;
    broker.start_again().await;
    for tenths in [3, 6] {
        processed(&acme, &location, total * tenths / 10).await;
        restart(&mut processes.lead_service).await;
        restart(&mut processes.campaign_service).await;
        restart(&mut processes.gateway).await;
    }
    processed(&acme, &location, total).await;
    println!("{total} leads disturbed: {:.1} s", begun.elapsed().as_secs_f64());
    rows.finish().await;
    all_added(&acme, &location, campaign, total).await;
}

/// Waits until so many leads of a submission are done with.
async fn processed(caller: &Caller, location: &str, leads: usize) {
    eventually(MINUTES, async || {
        let done = show(caller, location).await["processed"].as_u64().expect("a number");
        (done >= leads as u64).then_some(())
    })
    .await;
}

async fn restart(service: &mut Service) {
    service.kill().await;
    service.start();
    service.ready().await;
}

/// Two callers who add one lead after the other: one to the workspace of the submission, one to
/// another.
struct SingleLeads {
    callers: [JoinHandle<Vec<Duration>>; 2],
    stop: CancellationToken,
    what: &'static str,
}

impl SingleLeads {
    async fn start(same: &Caller, other: &Caller, what: &'static str) -> Self {
        let stop = CancellationToken::new();
        let mut callers = Vec::new();
        for caller in [same, other] {
            let campaign = caller.campaign(what).await;
            callers.push(tokio::spawn(add_one_by_one(caller.clone(), campaign, stop.clone())));
        }
        let callers = callers.try_into().expect("two of them");
        Self { callers, stop, what }
    }

    /// Says how long the leads took, each until its caller had an answer, however often he had to ask.
    async fn finish(self) {
        self.stop.cancel();
        for (caller, workspace) in self.callers.into_iter().zip(["same", "other"]) {
            let mut took = caller.await.expect("each was added");
            took.sort_unstable();
            let at = |share: f64| {
                let place = ((took.len() - 1) as f64 * share).round() as usize;
                took[place].as_secs_f64() * 1_000.0
            };
            println!(
                "{} single leads of the {workspace} workspace {}: p50 {:.1} ms, p99 {:.1} ms, at most {:.1} ms",
                took.len(),
                self.what,
                at(0.5),
                at(0.99),
                at(1.0)
            );
        }
    }
}

async fn add_one_by_one(caller: Caller, campaign: Uuid, stop: CancellationToken) -> Vec<Duration> {
    let mut took = Vec::new();
    while !stop.is_cancelled() {
        let lead = json!({"leads": [{"email": format!("{}@example.com", Uuid::new_v4())}]});
        let begun = Instant::now();
        let exchange = Exchange::with_patience(&caller, campaign, lead).await;
        took.push(begun.elapsed());
        assert_eq!(exchange.added(), 1);
        sleep(PAUSE).await;
    }
    assert_eq!(caller.members(campaign).await, took.len() as i64);
    took
}
