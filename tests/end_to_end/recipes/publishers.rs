//! Recipes for services that publish to the queue.

use std::{env, fs, path::PathBuf, time::Duration};

use serde_json::Value;
use test_support::eventually;
use tokio::time::timeout;

use super::{kitchen::Kitchen, page::Page};
use crate::{
    command::workplace::Ran,
    queue_door::permissions::publisher,
    system::{System, expect},
};

const LONG: Duration = Duration::from_secs(60);
const SUBMITTED: &str = "leads.submitted";

/// The example, which is built with the tests.
fn example() -> PathBuf {
    let test = env::current_exe().expect("a path");
    let example = test.parent().expect("deps").with_file_name("examples").join("publish_leads");
    assert!(example.exists(), "no {}: `cargo test` builds it", example.display());
    example
}

#[test]
fn the_page_shows_the_example() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/publish_leads.rs");
    let example = fs::read_to_string(example).expect("the example");
    assert_eq!(Page::read("queue.md").file("publish_leads.rs"), example);
}

#[tokio::test(flavor = "multi_thread")]
async fn python() {
    publishes(&Page::read("queue.md").script).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rust() {
    let script = Page::read("queue.md").script;
    let rust = script.replace("python3 publish_leads.py", &example().to_string_lossy());
    assert_ne!(script, rust);
    publishes(&rust).await;
}

/// Its connection is cut when RabbitMQ has its submission and nobody has worked on it, so it cannot
/// know; and then it gets its results, once applied, and the same ones again.
async fn publishes(script: &str) {
    let system = System::on_rabbitmq().await;
    let vhost = system.vhost.as_ref().expect("on RabbitMQ");
    let campaign = system.acme.campaign("Spring").await;
    let workspace = expect(200, system.acme.get("/v1/workspace").await).await;
    let page = Page::read("queue.md");
    let kitchen = Kitchen::new(system.address(), &system.acme, campaign, &page)
        .await
        .with("ROLLCALL_WORKSPACE", workspace["data"]["id"].as_str().expect("an id"))
        .with("AMQP_URL", publisher(vhost).await);

    system.database.go_away().await;
    let running = kitchen.shell(script).spawn().expect("it can be run");
    let waiting = async |count: u64| {
        eventually(LONG, async || (vhost.messages(SUBMITTED).await >= Some(count)).then_some(()))
            .await;
    };
    waiting(1).await;
    let its = eventually(LONG, async || vhost.connections_of("publisher").await.pop()).await;
    assert!(vhost.close_connection(&its).await);
    waiting(2).await;
    system.database.come_back().await;
    let output = timeout(LONG, running.wait_with_output()).await.expect("in time");
    let first: Ran = output.expect("it ends").into();
    assert_eq!(first.status, 0, "{first:?}");
    assert!(first.stderr.contains("attempt 1: "), "{first:?}");

    let results: Vec<Value> =
        first.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let statuses: Vec<_> = results.iter().map(|result| &result["status"]).collect();
    assert_eq!(statuses, ["added", "added", "error"], "{first:?}");
    assert_eq!(results[1]["ref"], "crm-2");
    assert_eq!(results[2]["error"]["code"], "invalid_phone");
    assert_eq!(system.acme.members(campaign).await, 2);
    let second = kitchen.run(script).await;
    assert_eq!(second.stdout, first.stdout);
    assert_eq!(system.acme.members(campaign).await, 2);
}
