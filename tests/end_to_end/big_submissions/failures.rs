//! Whatever ends or is away, a submission that was accepted gets its results, each the one that it
//! would have got.

use std::time::Duration;

use serde_json::{Value, json};
use test_support::{Broker, TestVhost, eventually};
use tokio::time::sleep;
use uuid::Uuid;

use super::{LONG, accepted, finished, leads, request, results, show, submit};
use crate::{
    processes::Processes,
    system::{Caller, System},
};

/// Every lead was added once, and every result says so.
pub async fn all_added(caller: &Caller, location: &str, campaign: Uuid, total: usize) {
    let done = finished(caller, location).await;
    assert_eq!(
        done["summary"],
        json!({"total": total, "added": total, "already_in_campaign": 0, "failed": 0, "suppressed": 0, "skipped": 0})
    );
    let results = results(caller, location).await;
    assert_eq!(results.len(), total);
    for (n, result) in results.iter().enumerate() {
        assert_eq!((&result["index"], &result["status"]), (&json!(n), &json!("added")));
        assert_eq!(result["created"], true, "{n}");
    }
    assert_eq!(caller.members(campaign).await, total as i64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crashed_gateway_loses_and_changes_nothing() {
    let vhost = TestVhost::create().await;
    let mut processes = Processes::start(&vhost.amqp_url()).await;
    let acme = processes.acme.clone();
    let campaign = acme.campaign("Killed").await;

    // Committed, and then no word to the caller, who asks again.
    processes.gateway.kill().await;
    processes.gateway.start_to_crash("gateway::accepted", 1);
    processes.gateway.ready().await;
    let body = json!({"leads": leads(0..6_000)});
    let keyed = || request(&acme, campaign).header("idempotency-key", "big").json(&body).send();
    assert!(keyed().await.is_err(), "the gateway crashed");
    processes.gateway.crashed().await;

    // Answered by the services, and then not kept.
    processes.gateway.start_to_crash("gateway::answered", 3);
    processes.gateway.crashed().await;

    // At any moment.
    processes.gateway.start();
    processes.gateway.ready().await;
    let answer = keyed().await.expect("an answer");
    assert!(answer.headers().contains_key("idempotent-replayed"));
    let location = accepted(answer).await;
    let under_way = eventually(LONG, async || {
        let now = show(&acme, &location).await;
        (now["processed"].as_u64() >= Some(1_500)).then_some(now)
    });
    assert_ne!(under_way.await["status"], "done", "it is killed too late");
    processes.gateway.kill().await;
    processes.gateway.start();
    processes.gateway.ready().await;
    all_added(&acme, &location, campaign, 6_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_database_connections_lose_nothing() {
    let system = System::with(2, Some(TestVhost::create().await), |_| {}).await;
    let campaign = system.acme.campaign("Cut").await;
    let location = submit(&system.acme, campaign, &json!({"leads": leads(0..4_000)})).await;
    for _ in 0..8 {
        sleep(Duration::from_millis(50)).await;
        system.database.cut_connections().await;
    }
    // Somebody's look at it may be cut, too.
    eventually(LONG, async || (system.acme.get(&location).await.status() == 200).then_some(()))
        .await;
    all_added(&system.acme, &location, campaign, 4_000).await;
}

/// PostgreSQL is the outbox: what comes while the broker is down is accepted, and waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_down_is_waited_for() {
    let broker = Broker::start().await;
    let system = System::with(1, Some(TestVhost::create_on(&broker).await), |_| {}).await;
    let acme = &system.acme;
    let campaign = acme.campaign("Down").await;
    broker.stop().await;
    eventually(LONG, async || (acme.get("/ready").await.status() == 503).then_some(())).await;

    let location = submit(acme, campaign, &json!({"leads": leads(0..2_000)})).await;
    // Whether there is such a campaign cannot be known now.
    let unknown = submit(acme, Uuid::now_v7(), &json!({"leads": leads(5_000..5_002)})).await;
    assert_eq!(show(acme, &location).await["status"], "queued");
    let page = crate::system::expect(200, acme.get(&format!("{location}/results")).await).await;
    assert_eq!(page["meta"]["total"], 0);

    broker.start_again().await;
    all_added(acme, &location, campaign, 2_000).await;
    let refused = finished(acme, &unknown).await;
    assert_eq!(refused["summary"]["failed"], 2);
    let results = results(acme, &unknown).await;
    assert_eq!(results[1]["error"], json!({"code": "not_found", "message": "Campaign not found"}));
    let failed = acme.get(&format!("{unknown}/failed")).await.text().await.expect("a body");
    let line: Value = serde_json::from_str(failed.lines().next().expect("a line")).expect("JSON");
    assert_eq!(
        (&line["phone"], &line["error"]["code"]),
        (&json!("+15550005000"), &json!("not_found"))
    );
}
