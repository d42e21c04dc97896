//! One workspace waits, for its own lock or for an archived campaign; the others notice nothing.

use std::time::Duration;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use reqwest::Method;
use serde_json::json;
use shared::database::Database;
use test_support::{TestVhost, eventually};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use uuid::Uuid;

use crate::system::{Caller, System, expect, id};

/// How long the slow workspace waits.
const SLOW: Duration = Duration::from_secs(8);
/// Far above what the fast one takes, and far below what it took before each request was served alone.
const QUICK: Duration = Duration::from_secs(1);

async fn holding(system: &System, statement: &str) -> AsyncPgConnection {
    let database = Database::new(&system.database.url(), 1).expect("a URL");
    let mut connection = database.dedicated_connection().await.expect("connected");
    let begin = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0";
    connection.batch_execute(&format!("{begin}; {statement}")).await.expect("held");
    connection
}

/// Asks again and again, and says how long the slowest request took.
async fn slowest(caller: &Caller, requests: &[(Method, String)]) -> Duration {
    let (begun, mut slowest) = (Instant::now(), Duration::ZERO);
    let mut took = Vec::new();
    while begun.elapsed() < SLOW {
        for (method, path) in requests {
            let asked = Instant::now();
            let mut request = caller.request(method.clone(), path);
            if *method != Method::GET {
                request = request.json(&json!({"title": "CEO"}));
            }
            let answer = request.send().await.expect("an answer");
            assert_eq!(answer.status(), 200, "{method} {path}");
            took.push(asked.elapsed());
            slowest = slowest.max(asked.elapsed());
        }
        sleep(Duration::from_millis(10)).await;
    }
    took.sort_unstable();
    println!("{} requests, p99 {:?}, slowest {slowest:?}", took.len(), took[took.len() * 99 / 100]);
    slowest
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_wait_for_a_lock_delay_no_other_workspace() {
    for vhost in [None, Some(TestVhost::create().await)] {
        let system = System::with(1, vhost, |_| {}).await;
        let (slow, fast) = (&system.acme, system.caller("Fast").await);
        let mut leads = Vec::new();
        for caller in [slow, &fast] {
            let made = caller.post("/v1/leads", &json!({"email": "ann@example.com"})).await;
            leads.push(format!("/v1/leads/{}", id(&expect(201, made).await["data"]["id"])));
        }
        let workspace = expect(200, slow.get("/v1/workspace").await).await;
        let key = lead_service_lock(id(&workspace["data"]["id"]));
        let lock = holding(&system, &format!("SELECT pg_advisory_xact_lock({key})")).await;
        let mut waiting = JoinSet::new();
        for _ in 0..160 {
            let (slow, path) = (slow.clone(), leads[0].clone());
            waiting.spawn(async move {
                let request = slow.request(Method::PATCH, &path).json(&json!({"title": "Boss"}));
                request.send().await.expect("an answer").status()
            });
        }
        let asked = [
            (Method::GET, "/v1/leads".to_owned()),
            (Method::GET, leads[1].clone()),
            (Method::PATCH, leads[1].clone()),
        ];
        let slowest = slowest(&fast, &asked).await;
        assert!(slowest < QUICK, "{slowest:?}");
        drop(lock);
        while let Some(status) = waiting.join_next().await {
            let status = status.expect("no panic");
            assert!(status == 200 || status == 503, "{status}");
        }
        // Copies that were asked again may still wait.
        eventually(Duration::from_secs(30), async || {
            let changed = slow.patch(&leads[0], &json!({"title": "Free"})).await;
            (changed.status() == 200).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn campaigns_that_are_being_archived_delay_no_other_workspace() {
    let system = System::in_process().await;
    let fast = system.caller("Fast").await;
    let campaign = fast.campaign("Fast").await;
    let writer = holding(&system, "LOCK TABLE campaign.links IN ROW EXCLUSIVE MODE").await;
    let mut archiving = JoinSet::new();
    for _ in 0..8 {
        let (slow, path) =
            (system.acme.clone(), format!("/v1/campaigns/{}", system.acme.campaign("Slow").await));
        archiving.spawn(async move {
            let request = slow.request(Method::PATCH, &path).json(&json!({"status": "archived"}));
            request.send().await.expect("an answer").status()
        });
    }
    let asked = [
        (Method::GET, "/v1/campaigns".to_owned()),
        (Method::GET, format!("/v1/campaigns/{campaign}")),
    ];
    let slowest = slowest(&fast, &asked).await;
    assert!(slowest < QUICK, "{slowest:?}");
    drop(writer);
    while let Some(status) = archiving.join_next().await {
        let status = status.expect("no panic");
        assert!(status == 200 || status == 503, "{status}");
    }
}

/// The workspace's lock of the lead service.
fn lead_service_lock(workspace_id: Uuid) -> i64 {
    let (high, low) = workspace_id.as_u64_pair();
    (high ^ low) as i64
}
