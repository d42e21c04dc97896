//! Waiting for what another process does.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks again and again until `look` finds something, and returns that.
///
/// # Panics
/// When it found nothing in time.
#[track_caller]
pub fn eventually<T, F>(timeout: Duration, look: impl FnMut() -> F) -> impl Future<Output = T>
where
    F: Future<Output = Option<T>>,
{
    wait(timeout, look, std::panic::Location::caller())
}

async fn wait<T, F>(
    timeout: Duration,
    mut look: impl FnMut() -> F,
    caller: &std::panic::Location<'_>,
) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "did not happen within {timeout:?} ({caller})");
        sleep(PAUSE).await;
    }
}
