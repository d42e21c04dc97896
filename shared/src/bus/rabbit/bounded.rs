//! Deadlines for every step with the broker.
//!
//! The client library's futures have none, and a future of a connection that died half way through a
//! handshake never completes. So each one is awaited through [`step`], which ends with the link that it
//! belongs to, or when its time is up.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::super::BusError;

/// How long one step (opening a channel, declaring, consuming, closing) may take.
pub(super) const STEP: Duration = Duration::from_secs(3);

/// Why a step with the broker did not succeed.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum StepError {
    /// The broker or the client library refused.
    #[error("{0}: {1}")]
    Refused(&'static str, lapin::Error),
    /// There was no answer in time.
    #[error("{0}: no answer within {1:?}")]
    Timeout(&'static str, Duration),
    /// The link was lost meanwhile.
    #[error("{0}: the connection was lost")]
    Lost(&'static str),
}

impl From<StepError> for BusError {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Timeout(..) => Self::Timeout,
            StepError::Refused(..) | StepError::Lost(_) => Self::Unavailable(error.to_string()),
        }
    }
}

/// Awaits an answer of the broker for at most [`STEP`], or until `lost`.
///
/// # Errors
/// [`StepError`], which names the step.
pub(super) async fn step<T>(
    name: &'static str,
    lost: &CancellationToken,
    answer: impl Future<Output = lapin::Result<T>>,
) -> Result<T, StepError> {
    step_within(STEP, name, lost, answer).await
}

/// The same, for a step with a time of its own.
///
/// # Errors
/// [`StepError`], which names the step.
pub(super) async fn step_within<T>(
    limit: Duration,
    name: &'static str,
    lost: &CancellationToken,
    answer: impl Future<Output = lapin::Result<T>>,
) -> Result<T, StepError> {
    tokio::select! {
        biased;
        answered = timeout(limit, answer) => match answered {
            Ok(answered) => answered.map_err(|error| StepError::Refused(name, error)),
            Err(_) => Err(StepError::Timeout(name, limit)),
        },
        () = lost.cancelled() => Err(StepError::Lost(name)),
    }
}

/// Runs a task of the bus. A panic in it ends the process: without the task, the bus would seem to work
/// and deliver nothing.
pub(super) fn spawn_critical(name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(async move {
        if AssertUnwindSafe(task).catch_unwind().await.is_err() {
            crate::supervisor::fatal(name, "it panicked");
        }
    });
}
