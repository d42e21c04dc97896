//! The PostgreSQL that `rollcall` runs by itself when it is given none.
//!
//! It has its own data folder and its own port on the loopback address, and touches no other
//! PostgreSQL of the machine. `pg_ctl` starts it in a session of its own, so a Ctrl-C in the
//! terminal reaches only `rollcall`, which then stops it in good order. One process at a time
//! answers for it: the one that holds the [`lock`]. Whoever takes the lock and finds a server that
//! still runs (its `rollcall` was killed) stops that one first.

mod account;
mod binaries;
mod cluster;
mod configuration;
mod folder;
mod lock;
mod postmaster;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};
use shared::settings::SecretUrl;

use self::{
    binaries::Binaries,
    cluster::Cluster,
    folder::Folder,
    lock::{Attempt, Holder, Lock},
};

/// How long one `rollcall` waits for another that starts or stops the same server.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often it looks.
const PAUSE: Duration = Duration::from_millis(100);

/// A server that this process runs.
pub struct PrivatePostgres {
    cluster: Cluster,
    url: SecretUrl,
    // Last, so that the server is gone before another process may have it.
    _lock: Lock,
}

/// A way to the private server for a short job.
pub enum Visit {
    /// The server of a `rollcall up` that runs just now.
    Running(SecretUrl),
    /// A server started for the job; stop it afterwards.
    Started(PrivatePostgres),
}

impl PrivatePostgres {
    /// Starts the server of a data folder for as long as `rollcall up` runs.
    ///
    /// # Errors
    /// When another `rollcall up` runs it, PostgreSQL is not installed, or it does not start.
    pub async fn start(data_dir: &Path) -> anyhow::Result<Self> {
        let folder = Folder::prepare(data_dir).await?;
        let lock = wait_for(|| match Lock::try_take(&folder.lock(), Holder::Up)? {
            Attempt::Taken(lock) => Ok(Some(lock)),
            Attempt::HeldBy(Some(Holder::Up)) => {
                bail!("another `rollcall up` runs on the data folder {}", data_dir.display())
            }
            Attempt::HeldBy(_) => Ok(None),
        })
        .await?;
        Self::start_locked(folder, lock).await
    }

    /// Finds the running server of a data folder, or starts it where none runs.
    ///
    /// # Errors
    /// When PostgreSQL is not installed, or does not start.
    pub async fn visit(data_dir: &Path) -> anyhow::Result<Visit> {
        let folder = Folder::prepare(data_dir).await?;
        let mut taken = None;
        let running = wait_for(|| match Lock::try_take(&folder.lock(), Holder::Visitor)? {
            Attempt::Taken(lock) => {
                taken = Some(lock);
                Ok(Some(None))
            }
            // Still starting, as long as it has no address.
            Attempt::HeldBy(Some(Holder::Up)) => Ok(folder.running_url()?.map(Some)),
            // Another visitor stops the server when it has done its job.
            Attempt::HeldBy(_) => Ok(None),
        })
        .await?;
        match (running, taken) {
            (Some(url), _) => Ok(Visit::Running(url)),
            (None, Some(lock)) => Ok(Visit::Started(Self::start_locked(folder, lock).await?)),
            (None, None) => bail!("the private PostgreSQL is not reached"),
        }
    }

    async fn start_locked(folder: Folder, lock: Lock) -> anyhow::Result<Self> {
        let binaries = Binaries::find(folder.account(), folder.data_version()?).await?;
        let cluster = Cluster::new(folder, binaries);
        cluster.create_if_new().await?;
        let url = cluster.start().await?;
        Ok(Self { cluster, url, _lock: lock })
    }

    /// How to connect to it.
    pub fn url(&self) -> &SecretUrl {
        &self.url
    }

    /// Where its data is.
    pub fn folder(&self) -> &Path {
        self.cluster.folder().path()
    }

    /// Stops it, ending whatever connections are left.
    ///
    /// # Errors
    /// When it does not stop.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.cluster.stop().await
    }
}

/// Tries until there is something, within [`PATIENCE`].
async fn wait_for<T>(mut attempt: impl FnMut() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    let started = Instant::now();
    loop {
        if let Some(found) = attempt()? {
            return Ok(found);
        }
        ensure!(
            started.elapsed() < PATIENCE,
            "another `rollcall` keeps the private PostgreSQL busy; try again later"
        );
        tokio::time::sleep(PAUSE).await;
    }
}
