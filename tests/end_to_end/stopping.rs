//! SIGTERM ends a process, whatever has become of its log, its broker or its database.

use std::{process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use test_support::TestVhost;
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use crate::processes::{Processes, binary};

/// How long a process may take to end.
const QUICK: Duration = Duration::from_secs(5);

fn start(processes: &Processes, name: &str, changes: &[(&str, &str)]) -> Child {
    let mut command = Command::new(binary(name));
    command.envs(processes.variables()).envs(changes.iter().copied());
    // Beside those that run already.
    for listener in
        ["GATEWAY__LISTEN", "GATEWAY__ADMIN", "LEAD_SERVICE__ADMIN", "CAMPAIGN_SERVICE__ADMIN"]
    {
        command.env(format!("ROLLCALL__{listener}"), "127.0.0.1:0");
    }
    command.stdin(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    command.spawn().expect("it can be run")
}

async fn stops(mut child: Child, what: &str) {
    let pid = Pid::from_raw(child.id().expect("it runs") as i32).expect("a process");
    kill_process(pid, Signal::TERM).expect("told");
    let told = Instant::now();
    let ended = timeout(QUICK, child.wait()).await;
    let ended = ended.unwrap_or_else(|_| panic!("{what}: it runs on")).expect("waited for");
    println!("{what}: {:?}", told.elapsed());
    assert!(ended.success(), "{what}: {ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_stops_though_nobody_reads_its_log() {
    let vhost = TestVhost::create().await;
    let processes = Processes::start(&vhost.amqp_url()).await;
    for name in ["gateway", "lead-service", "campaign-service"] {
        let mut child = start(&processes, name, &[("ROLLCALL__LOG__FILTER", "info")]);
        // The reader goes.
        drop(child.stderr.take());
        sleep(Duration::from_secs(1)).await;
        stops(child, &format!("{name}, reader gone")).await;
        // The reader stays and reads nothing, of more than a pipe holds.
        let child = start(&processes, name, &[("ROLLCALL__LOG__FILTER", "trace")]);
        sleep(Duration::from_secs(3)).await;
        stops(child, &format!("{name}, pipe full")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_stops_though_its_broker_is_away() {
    let vhost = TestVhost::create().await;
    let processes = Processes::start(&vhost.amqp_url()).await;
    let nobody = "127.0.0.1:1";
    let amqp = format!("amqp://guest:guest@{nobody}/%2f");
    for name in ["gateway", "lead-service", "campaign-service"] {
        let child = start(&processes, name, &[("AMQP_URL", &amqp)]);
        sleep(Duration::from_secs(1)).await;
        stops(child, &format!("{name}, broker away")).await;
    }
}
