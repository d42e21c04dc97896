//! `rollcall up` as a process of its own, with what it logs.

use std::{net::TcpListener, process::Stdio, time::Duration};

use reqwest::Client;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use test_support::{TestDatabase, eventually};
use tokio::{
    process::{Child, Command},
    time::timeout,
};

use crate::{
    LONG,
    system::{Caller, caller},
};

/// A whole Rollcall in one process, on the bus within it.
pub struct Up {
    pub acme: Caller,
    pub database: TestDatabase,
    process: Child,
}

impl Up {
    /// Starts it with these settings and waits until it serves.
    pub async fn start(settings: &[(&str, &str)]) -> Self {
        let database = TestDatabase::create().await;
        let address = free_address();
        let mut command = Command::new(env!("CARGO_BIN_EXE_rollcall"));
        command.arg("up").env_remove("AMQP_URL").env("DATABASE_URL", database.url());
        command.env("ROLLCALL__GATEWAY__LISTEN", &address);
        for service in ["GATEWAY", "LEAD_SERVICE", "CAMPAIGN_SERVICE"] {
            command.env(format!("ROLLCALL__{service}__ADMIN"), "127.0.0.1:0");
        }
        command.env("ROLLCALL__LOG__FORMAT", "json").envs(settings.iter().copied());
        command.stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let process = command.spawn().expect("it can be run");
        let base = format!("http://{address}");
        eventually(LONG, || async {
            let answer = Client::new().get(format!("{base}/ready")).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        let acme = caller(&database, &base, "Acme", Some(0)).await;
        Self { acme, database, process }
    }

    /// Tells it to stop, waits until it has, and returns the lines of its log.
    pub async fn stop(self) -> Vec<Value> {
        let pid = self.process.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        kill_process(pid.expect("it runs"), Signal::TERM).expect("told");
        let ended = timeout(Duration::from_secs(60), self.process.wait_with_output()).await;
        let output = ended.expect("it stops").expect("waited for");
        assert!(output.status.success(), "{:?}", output.status);
        let log = String::from_utf8(output.stderr).expect("text");
        log.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").to_string()
}
