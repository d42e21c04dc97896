//! Both services abort at the worst places, again and again, under load; and still every entry has
//! its one effect and its one answer.
//!
//! Fifty crashes at every point, half of each service, each at a random passage.

use std::time::Duration;

use serde_json::json;
use shared::bus::{Bus, Message, Queue, rabbit::RabbitBus, within};
use test_support::TestVhost;
use tokio::time::sleep;
use uuid::Uuid;

use crate::{
    dice::Dice,
    history::History,
    load::{Load, Publisher},
    processes::{Processes, Service},
    system::expect,
};

/// Crashes of each of the two services.
const CRASHES: usize = 25;
/// A service crashes at one of its first so many passages.
const PASSAGES: u64 = 8;
/// After so many crashes a service may work for a while. A message that was delivered 20 times and
/// never acknowledged is taken for poison, rightly, and here some points lie within every batch.
const CRASHES_IN_A_ROW: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn after_commit() {
    crash_again_and_again("lead-service::committed", "campaign-service::committed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_publish() {
    crash_again_and_again("bus::published", "bus::published").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_confirm() {
    crash_again_and_again("lead-service::confirmed", "campaign-service::confirmed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_ack() {
    crash_again_and_again("lead-service::acknowledging", "campaign-service::acknowledging").await;
}

async fn crash_again_and_again(lead_point: &str, campaign_point: &str) {
    let mut dice = Dice::thrown();
    let vhost = TestVhost::create().await;
    let mut processes = Processes::start(&vhost.amqp_url()).await;
    let load = Load::start(&processes.acme, 8, &mut dice).await;
    let publisher = Publisher::start(&processes, &vhost.amqp_url()).await;
    let (lead_dice, campaign_dice) = (dice.split(), dice.split());
    tokio::join!(
        crash(&mut processes.lead_service, lead_point, lead_dice),
        crash(&mut processes.campaign_service, campaign_point, campaign_dice),
    );
    publisher.finish(&processes.database).await;
    let exchanges = load.finish().await;
    println!("{} requests", exchanges.len());
    let history = History { exchanges, caller: &processes.acme, database: &processes.database };
    history.check(&vhost).await;
}

async fn crash(service: &mut Service, point: &str, mut dice: Dice) {
    service.kill().await;
    for crash in 1..=CRASHES {
        service.start_to_crash(point, 1 + dice.below(PASSAGES));
        service.crashed().await;
        if crash % CRASHES_IN_A_ROW == 0 {
            service.start();
            service.ready().await;
            sleep(Duration::from_millis(500)).await;
            service.kill().await;
        }
    }
    service.start();
}

/// Issue 2's promise, for every point: what was committed but not acknowledged is delivered again
/// and answered as it would have been.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_answered_the_same_after_a_crash() {
    let vhost = TestVhost::create().await;
    let mut processes = Processes::start(&vhost.amqp_url()).await;
    let bus = RabbitBus::start(&vhost.amqp_url(), "test").expect("a URL");
    let workspace = expect(200, processes.acme.get("/v1/workspace").await).await;
    let campaign = processes.acme.campaign("Crash").await;
    for place in ["committed", "confirmed", "acknowledging"] {
        for name in ["lead-service", "campaign-service"] {
            let body = json!({"submissions": [{
                "id": Uuid::now_v7(), "workspace_id": workspace["data"]["id"], "campaign_id": campaign,
                "leads": [{"phone": "+15550000001", "email": format!("{name}.{place}@x.com")},
                          {"email": format!("{name}.{place}@x.com"), "title": "CEO"}],
            }]});
            let request = Message::new(serde_json::to_vec(&body).expect("JSON"));
            let ask =
                || bus.call(Queue::Submitted, request.clone(), within(Duration::from_secs(30)));
            let service = match name {
                "lead-service" => &mut processes.lead_service,
                _ => &mut processes.campaign_service,
            };
            service.kill().await;
            service.start_to_crash(&format!("{name}::{place}"), 1);
            let crash = async {
                service.crashed().await;
                service.start();
            };
            let (first, ()) = tokio::join!(ask(), crash);
            assert_eq!(ask().await, first, "{name} at {place}");
        }
    }
    bus.close().await;
}
