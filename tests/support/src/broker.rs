//! A whole broker of a test's own, to stop and to kill.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command as BlockingCommand, Stdio},
};

use tokio::process::Command;

use crate::unique_name;

/// A private RabbitMQ node. It takes seconds to start: a test that needs none of its own uses
/// [`TestVhost`](crate::TestVhost). Removed with its data when dropped.
pub struct Broker {
    folder: PathBuf,
    amqp_url: String,
    api_url: String,
    is_own: bool,
}

impl Broker {
    /// Starts a node with no data.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start() -> Self {
        let folder = test_folder().join(format!("broker-{}", unique_name()));
        run_script("start", &folder, &[]).await;
        let mut broker = Self::of(folder);
        broker.is_own = true;
        broker
    }

    /// The node in this folder, which somebody else has started and will remove.
    pub(crate) fn of(folder: PathBuf) -> Self {
        let amqp_url = variable(&folder, "AMQP_URL");
        let api_url = variable(&folder, "RABBITMQ_API");
        Self { folder, amqp_url, api_url, is_own: false }
    }

    /// The URL to connect to it; the same after a restart.
    pub fn amqp_url(&self) -> &str {
        &self.amqp_url
    }

    /// Where its management API is.
    pub(crate) fn api_url(&self) -> &str {
        &self.api_url
    }

    /// Stops the node in good order.
    ///
    /// # Panics
    /// When it does not stop.
    pub async fn stop(&self) {
        self.run("stop", &[]).await;
    }

    /// Ends the node at once, as a crash would.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn kill(&self) {
        self.run("kill", &[]).await;
    }

    /// Stops the node in its tracks: it answers nothing and closes nothing.
    ///
    /// # Panics
    /// When it does not run.
    pub async fn freeze(&self) {
        self.run("freeze", &[]).await;
    }

    /// Lets a frozen node go on.
    ///
    /// # Panics
    /// When it does not run.
    pub async fn thaw(&self) {
        self.run("thaw", &[]).await;
    }

    /// Starts the node again, with the data that it has, and returns when it serves.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_again(&self) {
        self.run("start", &[]).await;
    }

    /// Raises the node's memory alarm: it reads nothing more from whoever publishes
    /// (<https://www.rabbitmq.com/docs/memory>).
    ///
    /// # Panics
    /// When it cannot be told.
    pub async fn raise_alarm(&self) {
        self.run("ctl", &["set_vm_memory_high_watermark", "0.0000001"]).await;
    }

    /// Ends the alarm.
    ///
    /// # Panics
    /// When it cannot be told.
    pub async fn end_alarm(&self) {
        self.run("ctl", &["set_vm_memory_high_watermark", "absolute", "1GB"]).await;
    }

    async fn run(&self, action: &str, arguments: &[&str]) {
        run_script(action, &self.folder, arguments).await;
    }
}

/// Where servers of tests are kept. The test script removes what is left there by a test that was ended
/// from outside.
pub(crate) fn test_folder() -> PathBuf {
    std::env::var_os("ROLLCALL_TEST_FOLDER").map_or_else(std::env::temp_dir, PathBuf::from)
}

/// Runs `scripts/rabbitmq.sh`.
pub(crate) async fn run_script(action: &str, folder: &Path, arguments: &[&str]) {
    let status = Command::new(script())
        .arg(action)
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .status()
        .await
        .expect("scripts/rabbitmq.sh can be run");
    assert!(status.success(), "rabbitmq.sh {action} failed");
}

/// Runs it to clean up, where nothing can be awaited.
pub(crate) fn run_script_blocking(action: &str, folder: &Path) {
    let mut command = BlockingCommand::new(script());
    command.arg(action).arg(folder).stdin(Stdio::null());
    if !command.status().is_ok_and(|status| status.success()) {
        eprintln!("rabbitmq.sh {action} {} failed", folder.display());
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if self.is_own {
            run_script_blocking("remove", &self.folder);
        }
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/rabbitmq.sh")
}

/// A variable of the file `env` that the script writes.
fn variable(folder: &Path, name: &str) -> String {
    let env = fs::read_to_string(folder.join("env")).expect("the script writes `env`");
    let start = format!("export {name}=");
    let value = env.lines().find_map(|line| line.strip_prefix(&start));
    value.unwrap_or_else(|| panic!("`env` holds {name}")).to_owned()
}
