//! One process of Rollcall.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::sleep;

use crate::http::Connection;

/// How long a process may take to be ready, and to end.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);

/// A process that ends when this is dropped.
pub struct Service {
    child: Child,
    name: &'static str,
    log: PathBuf,
    pid_file: PathBuf,
}

impl Service {
    /// Starts it. Its number goes to a file, by which the script ends it should this process not
    /// come to it.
    pub fn start(name: &'static str, mut command: Command, folder: &Path) -> anyhow::Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let pid_file = folder.join(format!("{name}.pid"));
        let service = Self { child, name, log, pid_file };
        fs::write(&service.pid_file, service.pid().to_string())?;
        Ok(service)
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it says that it is ready.
    pub async fn until_ready(&mut self, address: SocketAddr) -> anyhow::Result<()> {
        let request = format!("GET /ready HTTP/1.1\r\nhost: {address}\r\n\r\n");
        let begun = Instant::now();
        loop {
            if let Ok(mut connection) = Connection::open(address).await
                && let Ok(answer) = connection.exchange(request.as_bytes()).await
                && answer.status == 200
            {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended: {status}\n{}", self.name, self.said());
            }
            if begun.elapsed() > PATIENCE {
                bail!("{} did not become ready\n{}", self.name, self.said());
            }
            sleep(PAUSE).await;
        }
    }

    /// What it logged: warnings only, so that is what went wrong.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        let begun = Instant::now();
        if let Some(pid) = pid {
            let _ = kill_process(pid, Signal::TERM);
        }
        while matches!(self.child.try_wait(), Ok(None)) && begun.elapsed() < PATIENCE {
            thread::sleep(PAUSE);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.pid_file);
    }
}
