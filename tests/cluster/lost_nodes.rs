//! Each node in turn is lost.

use std::time::Duration;

use test_support::{Cluster, TestVhost};
use tokio::time::{Instant, sleep};

use crate::{
    dice::Dice,
    fleet::{Callers, Fleet},
    history::History,
    observed::{Bounds, Observed},
};

/// How long a node is away that was killed or stopped, until it is started again.
const AWAY: Duration = Duration::from_secs(8);
/// How long a node is frozen.
const FROZEN: Duration = Duration::from_secs(30);
/// How long all is well before the next loss.
const WELL: Duration = Duration::from_secs(2);

/// Of a node that is killed or stopped, callers notice next to nothing.
const GONE: Bounds =
    Bounds { longest: Duration::from_secs(10), statuses: &[503], failed_per_mille: 10 };
/// RabbitMQ itself waits some seconds for a frozen node. Look-ups that meet it more than once may come to
/// their deadline.
const SILENT: Bounds =
    Bounds { longest: Duration::from_secs(20), statuses: &[503, 504], failed_per_mille: 10 };

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_node_costs_nothing() {
    let mut dice = Dice::thrown();
    let cluster = Cluster::start().await;
    let vhost = TestVhost::create_on_cluster(&cluster).await;
    let fleet = Fleet::start(&vhost.amqp_url()).await;
    let observed = Observed::default();
    let callers = Callers::start(&fleet, &mut dice, &observed).await;
    // RabbitMQ 3.10 writes the registration of a new quorum queue some seconds late.
    sleep(Duration::from_secs(5)).await;
    let mut wrong = observed.report("before", Instant::now(), GONE);
    // Each node once; with ROLLCALL_TEST_ALL_LOSSES, each in every way.
    let all = std::env::var_os("ROLLCALL_TEST_ALL_LOSSES").is_some();
    let mut nodes = [0, 1, 2];
    dice.shuffle(&mut nodes);
    for (loss, node) in ["killed", "stopped", "frozen"].into_iter().zip(nodes) {
        for number in (0..3).filter(|number| all || *number == node) {
            let node = cluster.node(number);
            let lost_at = Instant::now();
            match loss {
                "killed" => node.kill().await,
                "stopped" => node.stop().await,
                _ => node.freeze().await,
            }
            if loss == "frozen" {
                sleep(FROZEN).await;
                node.thaw().await;
            } else {
                sleep(AWAY).await;
                node.start_again().await;
            }
            cluster.is_whole().await;
            sleep(WELL).await;
            let bounds = if loss == "frozen" { SILENT } else { GONE };
            wrong.extend(observed.report(&format!("node {number} {loss}"), lost_at, bounds));
        }
    }
    let exchanges = callers.finish().await;
    println!("{} requests that added leads", exchanges.len());
    let history = History { exchanges, caller: &fleet.callers[0], database: &fleet.database };
    history.check(&vhost).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}
