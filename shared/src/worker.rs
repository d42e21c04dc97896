//! Working on batches so that one caller's trouble stays his.

use std::time::Duration;

use async_trait::async_trait;
use backon::{BackoffBuilder, ExponentialBuilder};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::database::DatabaseError;

/// How often a piece of work is tried before the data is blamed.
const TRIES: usize = 3;

/// Work that is done on many units at once, in one transaction.
#[async_trait]
pub trait Work<U>: Send {
    /// What becomes of one unit.
    type Done: Send;

    /// Carries out the units together, all or none, and returns one result for each.
    ///
    /// # Errors
    /// When nothing was done, as far as is known.
    async fn work(&mut self, units: &[U]) -> Result<Vec<Self::Done>, DatabaseError>;
}

/// Works on `units` together; where that fails for a reason that may lie in the data, on halves
/// of them, until the culprit is alone. While the database is away, holds on and tries again.
///
/// Returns what became of each unit, in order, or `None` when stopped before the end.
pub async fn isolate<U: Sync, W: Work<U>>(
    units: &[U],
    work: &mut W,
    stop: &CancellationToken,
) -> Option<Vec<Result<W::Done, String>>> {
    let mut results = Vec::with_capacity(units.len());
    let mut parts = vec![units];
    while let Some(part) = parts.pop() {
        match insist(part, work, stop).await? {
            Ok(done) => results.extend(done.into_iter().map(Ok)),
            Err(reason) if part.len() == 1 => results.push(Err(reason)),
            Err(_) => {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
            }
        }
    }
    Some(results)
}

/// Tries until it works, or fails [`TRIES`] times with the database in reach.
async fn insist<U: Sync, W: Work<U>>(
    units: &[U],
    work: &mut W,
    stop: &CancellationToken,
) -> Option<Result<Vec<W::Done>, String>> {
    let mut pauses = pauses();
    let mut failures = 0;
    loop {
        match work.work(units).await {
            Ok(done) => return Some(Ok(done)),
            Err(DatabaseError::Failed(reason)) => {
                tracing::error!(%reason, units = units.len(), "a batch failed");
                failures += 1;
                if failures == TRIES {
                    return Some(Err(reason));
                }
            }
            Err(DatabaseError::Unavailable(reason)) => {
                tracing::warn!(%reason, "holding on to a batch");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            () = sleep(pauses.next().unwrap_or_default()) => {}
        }
    }
}

/// 20 ms to 2 s with jitter, without end.
pub fn pauses() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(20))
        .with_max_delay(Duration::from_secs(2))
        .with_jitter()
        .without_max_times()
        .build()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Fails while `away` counts down, then for good where a culprit is among the units.
    struct Script {
        away: usize,
    }

    #[async_trait]
    impl Work<(usize, bool)> for Script {
        type Done = usize;

        async fn work(&mut self, units: &[(usize, bool)]) -> Result<Vec<usize>, DatabaseError> {
            if self.away > 0 {
                self.away -= 1;
                return Err(DatabaseError::Unavailable("away".to_owned()));
            }
            if units.iter().any(|(_, culprit)| *culprit) {
                return Err(DatabaseError::Failed("bad".to_owned()));
            }
            Ok(units.iter().map(|(place, _)| *place).collect())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_absent_database_is_waited_for() {
        let units = [(0, false), (1, false)];
        let results = isolate(&units, &mut Script { away: 50 }, &CancellationToken::new()).await;
        assert_eq!(results, Some(vec![Ok(0), Ok(1)]));
    }

    #[tokio::test(start_paused = true)]
    async fn stopping_gives_up_waiting() {
        let stop = CancellationToken::new();
        stop.cancel();
        assert_eq!(isolate(&[(0, false)], &mut Script { away: 50 }, &stop).await, None);
    }

    proptest! {
        /// Whatever the culprits, they alone fail, and everybody's result is at its place.
        #[test]
        fn culprits_are_isolated(culprits in prop::collection::vec(any::<bool>(), 1..40)) {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time().start_paused(true).build().expect("a runtime");
            let units: Vec<_> = culprits.into_iter().enumerate().collect();
            let work = &mut Script { away: 0 };
            let results = runtime.block_on(isolate(&units, work, &CancellationToken::new()));
            let expected = units.into_iter().map(|(place, culprit)| {
                if culprit { Err("bad".to_owned()) } else { Ok(place) }
            });
            prop_assert_eq!(results, Some(expected.collect()));
        }
    }
}
