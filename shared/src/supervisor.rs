//! Tasks that a process cannot do without.
//!
//! A task that has ended does its work no more, and nobody notices: messages wait, leases expire, replies
//! are lost. So the end of any such task ends the process. Whatever supervises the process starts it again,
//! and the broker counts the deliveries of a message that ends it each time.

use std::collections::HashMap;

use anyhow::{anyhow, bail};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// Named tasks.
pub struct Supervisor {
    stop: CancellationToken,
    /// End when the process is stopped.
    stopping: JoinSet<()>,
    /// Never end by themselves.
    endless: JoinSet<()>,
    names: HashMap<Id, &'static str>,
}

impl Supervisor {
    /// Without tasks. `stop` is cancelled when the process is to finish what it has begun, and end.
    pub fn new(stop: CancellationToken) -> Self {
        let (stopping, endless) = (JoinSet::new(), JoinSet::new());
        Self { stop, stopping, endless, names: HashMap::new() }
    }

    /// Runs a task that ends when the process is stopped, and not before.
    pub fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.names.insert(self.stopping.spawn(task).id(), name);
    }

    /// Runs a task that never ends by itself. It is broken off when all others have ended.
    pub fn spawn_endless(
        &mut self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.names.insert(self.endless.spawn(task).id(), name);
    }

    /// Waits until the process was stopped and the tasks have ended.
    ///
    /// # Errors
    /// As soon as a task panics, or ends before the stop.
    pub async fn run(mut self) -> anyhow::Result<()> {
        self.stop_or_end().await.inspect_err(|error| tracing::error!("{error}; the process ends"))
    }

    async fn stop_or_end(&mut self) -> anyhow::Result<()> {
        loop {
            let ended = tokio::select! {
                Some(ended) = self.stopping.join_next_with_id() => ended,
                Some(ended) = self.endless.join_next_with_id() => ended,
                () = self.stop.cancelled(), if self.stopping.is_empty() => return Ok(()),
            };
            let id = match &ended {
                Ok((id, ())) => *id,
                Err(error) => error.id(),
            };
            let name = self.names.get(&id).copied().unwrap_or("a task");
            match ended {
                Err(error) => bail!("{name} panicked: {}", message(error)),
                Ok(_) if !self.stop.is_cancelled() => bail!("{name} ended by itself"),
                Ok(_) => {}
            }
        }
    }
}

/// Passes on the panic of a task within a task, so that the outer one ends, too.
pub fn pass_on_panic<T>(ended: Result<T, JoinError>) -> Option<T> {
    match ended {
        Ok(value) => Some(value),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // It was broken off.
        Err(_) => None,
    }
}

/// Ends the process at once because something that it cannot do without has failed.
pub fn fatal(what: &str, reason: &str) -> ! {
    tracing::error!("{what} failed: {reason}; the process ends");
    std::process::exit(1)
}

fn message(error: JoinError) -> anyhow::Error {
    let Ok(panic) = error.try_into_panic() else { return anyhow!("it was broken off") };
    let text = panic.downcast_ref::<String>().map(String::as_str);
    anyhow!("{}", text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("without a message"))
}

#[cfg(test)]
mod tests {
    use std::{future::pending, time::Duration};

    use tokio::time::timeout;

    use super::*;

    async fn ending(
        task: impl Future<Output = ()> + Send + 'static,
    ) -> (CancellationToken, anyhow::Result<()>) {
        let stop = CancellationToken::new();
        let mut supervisor = Supervisor::new(stop.clone());
        let stopped = stop.clone();
        supervisor.spawn("the steady one", async move { stopped.cancelled().await });
        supervisor.spawn("the other", task);
        supervisor.spawn_endless("the endless one", pending());
        let ended = timeout(Duration::from_secs(10), supervisor.run()).await.expect("in time");
        (stop, ended)
    }

    #[tokio::test]
    async fn a_panic_ends_all() {
        let error = ending(async { panic!("of {}", 7) }).await.1.expect_err("an end");
        assert_eq!(error.to_string(), "the other panicked: of 7");
    }

    #[tokio::test]
    async fn an_end_before_the_stop_ends_all() {
        let error = ending(async {}).await.1.expect_err("an end");
        assert_eq!(error.to_string(), "the other ended by itself");
    }

    #[tokio::test]
    async fn a_stop_waits_for_the_tasks() {
        let stop = CancellationToken::new();
        let mut supervisor = Supervisor::new(stop.clone());
        let stopped = stop.clone();
        supervisor.spawn("a task", async move { stopped.cancelled().await });
        supervisor.spawn_endless("the endless one", pending());
        stop.cancel();
        timeout(Duration::from_secs(10), supervisor.run()).await.expect("in time").expect("well");
    }
}
