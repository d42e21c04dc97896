//! Making, starting and stopping the private server.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::Stdio,
};

use anyhow::{Context, bail};
use shared::settings::SecretUrl;
use tokio::{io::AsyncWriteExt, process::Command};

use super::{
    account,
    binaries::Binaries,
    configuration,
    folder::{Folder, NAME},
    postmaster,
};

/// How long starting may take, recovery after a crash included.
const START_SECONDS: &str = "60";
/// How long stopping in good order may take, and how long in the hard way after that.
const STOP_SECONDS: &str = "20";
const HARD_STOP_SECONDS: &str = "5";
/// Another process may take the port between our choice and its use.
const ATTEMPTS: usize = 3;
/// How much of the log is shown when the server does not start.
const LOG_LINES: usize = 15;

/// A server's data and the programs that work on them.
pub(super) struct Cluster {
    folder: Folder,
    binaries: Binaries,
}

impl Cluster {
    /// The server of that folder.
    pub(super) fn new(folder: Folder, binaries: Binaries) -> Self {
        Self { folder, binaries }
    }

    /// Where it is.
    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Makes the data at the first start: in a folder aside, so that there are never half of them.
    ///
    /// # Errors
    /// When that fails.
    pub(super) async fn create_if_new(&self) -> anyhow::Result<()> {
        let data = self.folder.data();
        if data.exists() {
            return Ok(());
        }
        let unfinished = self.folder.unfinished_data();
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)
                .with_context(|| format!("cannot remove {}", unfinished.display()))?;
        }
        self.folder.make_password()?;
        self.initialise(&unfinished).await?;
        self.create_database(&unfinished).await.context("cannot make the private database")?;
        fs::rename(&unfinished, &data).with_context(|| format!("cannot make {}", data.display()))
    }

    async fn initialise(&self, data: &Path) -> anyhow::Result<()> {
        // macOS has no C.UTF-8.
        let locale = if cfg!(target_os = "macos") { "--locale=C" } else { "--locale=C.UTF-8" };
        let user = format!("--username={NAME}");
        let arguments = ["--encoding=UTF8", locale, "--auth=scram-sha-256", &user];
        let mut command = self.command("initdb", &arguments);
        command.arg("--pwfile").arg(self.folder.password()).arg("--pgdata").arg(data);
        account::run(command).await?;
        Ok(())
    }

    /// Through the server's single-user mode, which needs no port and no password.
    async fn create_database(&self, data: &Path) -> anyhow::Result<()> {
        let arguments = ["--single", "-c", "exit_on_error=on", "-D"];
        let mut command = self.command("postgres", &arguments);
        command.arg(data).arg("postgres");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut server = command.spawn()?;
        if let Some(mut input) = server.stdin.take() {
            input.write_all(format!("CREATE DATABASE {NAME}\n").as_bytes()).await?;
        }
        let output = server.wait_with_output().await?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    /// Starts the server and waits until it accepts connections.
    ///
    /// # Errors
    /// When it does not within a minute, with the end of its log.
    pub(super) async fn start(&self) -> anyhow::Result<SecretUrl> {
        self.stop_leftover().await?;
        let mut attempt = 1;
        loop {
            let port = free_port()?;
            let Err(error) = self.start_on(port).await else { return self.folder.url(port) };
            if attempt == ATTEMPTS || !self.log().contains("could not bind") {
                let log = self.folder.log();
                let (log, end) = (log.display(), last_lines(&self.log(), LOG_LINES));
                bail!("the private PostgreSQL does not start: {error:#}\nthe end of {log}:\n{end}");
            }
            attempt += 1;
        }
    }

    async fn start_on(&self, port: u16) -> anyhow::Result<()> {
        let file = self.folder.data().join("postgresql.conf");
        fs::write(&file, configuration::text(port))
            .with_context(|| format!("cannot write {}", file.display()))?;
        // One log a start, and the one before.
        let log = self.folder.log();
        let _ = fs::rename(&log, log.with_extension("previous"));

        let mut command = self.pg_ctl(&["start", "--wait", "--timeout", START_SECONDS]);
        command.arg("--log").arg(&log);
        let started = account::run(command).await;
        if started.is_err() && postmaster::runs(&self.folder.data()) {
            // It goes on starting by itself; nobody would ever stop it.
            let _ = self.stop_hard().await;
        }
        started.map(drop)
    }

    /// Stops a server whose `rollcall` was killed. Simpler than to take it over, and it then runs
    /// with the settings of today.
    async fn stop_leftover(&self) -> anyhow::Result<()> {
        let data = self.folder.data();
        if postmaster::runs(&data) {
            tracing::info!("stopping the private PostgreSQL that was left running");
            self.stop().await?;
        }
        postmaster::remove_remains(&data)
            .with_context(|| format!("cannot remove postmaster.pid in {}", data.display()))
    }

    /// Stops the server: at once, in good order, and hard if that takes too long.
    ///
    /// # Errors
    /// When it runs all the same.
    pub(super) async fn stop(&self) -> anyhow::Result<()> {
        let orderly = ["stop", "--wait", "--mode", "fast", "--timeout", STOP_SECONDS];
        // It fails as well when the server has ended by itself.
        let stopped = account::run(self.pg_ctl(&orderly)).await.is_ok();
        if stopped || !postmaster::runs(&self.folder.data()) {
            return Ok(());
        }
        self.stop_hard().await.context("the private PostgreSQL does not stop")
    }

    async fn stop_hard(&self) -> anyhow::Result<()> {
        let hard = ["stop", "--wait", "--mode", "immediate", "--timeout", HARD_STOP_SECONDS];
        account::run(self.pg_ctl(&hard)).await.map(drop)
    }

    fn pg_ctl(&self, arguments: &[&str]) -> Command {
        let mut command = self.command("pg_ctl", arguments);
        command.arg("--silent").arg("--pgdata").arg(self.folder.data());
        command
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        self.binaries.command(self.folder.account(), program, arguments)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.log()).unwrap_or_default()
    }
}

fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_log() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("a", 2), "a");
    }
}
