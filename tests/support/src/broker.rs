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
}

impl Broker {
    /// Starts a node with no data.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start() -> Self {
        // The test script removes what is left there by a test that was ended from outside.
        let parent =
            std::env::var_os("ROLLCALL_TEST_FOLDER").map_or_else(std::env::temp_dir, PathBuf::from);
        let folder = parent.join(format!("broker-{}", unique_name()));
        let mut broker = Self { folder, amqp_url: String::new(), api_url: String::new() };
        broker.run("start", &[]).await;
        broker.amqp_url = variable(&broker.folder, "AMQP_URL");
        broker.api_url = variable(&broker.folder, "RABBITMQ_API");
        broker
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
        let status = Command::new(script())
            .arg(action)
            .arg(&self.folder)
            .args(arguments)
            .stdin(Stdio::null())
            .status()
            .await
            .expect("scripts/rabbitmq.sh can be run");
        assert!(status.success(), "rabbitmq.sh {action} failed");
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let mut remove = BlockingCommand::new(script());
        remove.arg("remove").arg(&self.folder).stdin(Stdio::null());
        if !remove.status().is_ok_and(|status| status.success()) {
            eprintln!("the broker in {} could not be removed", self.folder.display());
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
