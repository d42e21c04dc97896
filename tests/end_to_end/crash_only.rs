//! A task that panics ends its process, so that whatever supervises it can start it again.

use std::time::Duration;

use serde_json::json;
use shared::bus::{Bus, Message, Queue, rabbit::RabbitBus, within};
use test_support::{TestVhost, eventually};
use uuid::Uuid;

use crate::{
    processes::Processes,
    system::{expect, id},
};

const LONG: Duration = Duration::from_secs(60);

/// Every kind of task, and what makes it pass its point.
#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_any_task_ends_its_process() {
    let vhost = TestVhost::create().await;
    let mut processes = Processes::start(&vhost.amqp_url()).await;
    let acme = processes.acme.clone();
    let campaign = acme.campaign("Panic").await;
    for (name, point) in [
        ("gateway", "purge"),
        ("gateway", "gateway::delivering"),
        ("gateway", "gateway::sending"),
        ("lead-service", "purge"),
        ("lead-service", "watching-queues"),
        ("lead-service", "lead-service::erasing"),
        ("lead-service", "lead-service::committed"),
        ("lead-service", "requests"),
        ("campaign-service", "purge"),
        ("campaign-service", "campaign-service::folding"),
        ("campaign-service", "campaign-service::committed"),
        ("campaign-service", "requests"),
    ] {
        let service = match name {
            "gateway" => &mut processes.gateway,
            "lead-service" => &mut processes.lead_service,
            _ => &mut processes.campaign_service,
        };
        service.kill().await;
        service.start_to_panic(point);
        let asking = async {
            loop {
                // Not every request comes through.
                let leads = json!({"leads": [{"email": "ann@example.com"}]});
                let path = format!("/v1/campaigns/{campaign}/leads");
                let _ = acme.request(reqwest::Method::POST, &path).json(&leads).send().await;
                for path in ["/v1/leads", "/v1/campaigns"] {
                    let _ = acme.request(reqwest::Method::GET, path).send().await;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::select! {
            status = service.ended() => assert_eq!(status.code(), Some(1), "{name} at {point}"),
            () = asking => {}
        }
        service.start();
        service.ready().await;
    }
    let added = acme.add(campaign, json!([{"email": "bob@example.com"}])).await;
    assert_eq!(added["summary"]["added"], 1);
}

/// The message is delivered again to each process that is started, until it becomes a dead letter.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_panics_its_worker_becomes_a_dead_letter() {
    let vhost = TestVhost::create().await;
    let mut processes = Processes::start(&vhost.amqp_url()).await;
    let acme = processes.acme.clone();
    let workspace = expect(200, acme.get("/v1/workspace").await).await;
    let campaign = acme.campaign("Poison").await;
    processes.lead_service.kill().await;
    processes.lead_service.start_poisoned("p0ison");
    let bus = RabbitBus::start(&vhost.amqp_url(), "test").expect("a URL");
    for email in ["before@example.com", "p0ison@example.com", "after@example.com"] {
        let submission = json!({
            "id": Uuid::now_v7(), "workspace_id": id(&workspace["data"]["id"]),
            "campaign_id": campaign, "leads": [{"email": email}],
        });
        let body = serde_json::to_vec(&json!({"submissions": [submission]})).expect("JSON");
        bus.publish(Queue::Submitted, Message::new(body), within(LONG)).await.expect("confirmed");
    }
    // What a supervisor does.
    let restarting = async {
        loop {
            processes.lead_service.ended().await;
            processes.lead_service.start_poisoned("p0ison");
        }
    };
    let all_is_done = async {
        let dead_letters = Queue::DeadLetters.name();
        let letter = eventually(LONG, async || vhost.first_message(dead_letters).await).await;
        eventually(LONG, async || (acme.members(campaign).await == 2).then_some(())).await;
        letter
    };
    let letter = tokio::select! {
        letter = all_is_done => letter,
        () = restarting => unreachable!("it never ends"),
    };
    assert!(letter["payload"].as_str().expect("text").contains("p0ison@example.com"), "{letter}");
    bus.close().await;
}
