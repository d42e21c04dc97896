//! Working on batches so that one caller's trouble stays his.

use std::time::Duration;

use async_trait::async_trait;
use backon::{BackoffBuilder, ExponentialBuilder};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::field::display;
use uuid::Uuid;

use crate::{database::DatabaseError, origin::Origin};

/// How often a piece of work is tried before the data is blamed.
const TRIES: usize = 3;

/// A submission, as work on it is logged.
pub trait Submitted: Sync {
    /// The submission's id.
    fn id(&self) -> Uuid;

    /// Where it comes from.
    fn origin(&self) -> &Origin;
}

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

    /// Tries whether the database carries out such work at all, without the units' data: where it does
    /// not, they are not to blame.
    ///
    /// # Errors
    /// When it does not.
    async fn probe(&mut self, units: &[U]) -> Result<(), DatabaseError>;
}

/// Works on `units` together; where that fails for a reason that may lie in the data, or takes too long, on
/// halves of them, until the culprit is alone. While the database is away, or carries out no such work at
/// all, holds on and tries again.
///
/// Returns what became of each unit, in order, or `None` when stopped before the end.
pub async fn isolate<U: Submitted, W: Work<U>>(
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

/// Tries until it works, or fails [`TRIES`] times while the database carries out such work. What takes
/// too long together is not tried again together.
async fn insist<U: Submitted, W: Work<U>>(
    units: &[U],
    work: &mut W,
    stop: &CancellationToken,
) -> Option<Result<Vec<W::Done>, String>> {
    let mut pauses = pauses();
    let mut failures = 0;
    // The only one, as soon as it matters which.
    let first = units.first();
    let submission_id = first.map(|unit| display(unit.id()));
    let request_id = first.and_then(|unit| unit.origin().logged());
    let count = units.len();
    loop {
        let error = match work.work(units).await {
            Ok(done) => return Some(Ok(done)),
            Err(error) => error,
        };
        let is_at_fault = match &error {
            DatabaseError::Unavailable(_) => true,
            DatabaseError::TimedOut(_) | DatabaseError::Failed(_) => {
                stop.run_until_cancelled(work.probe(units)).await?.is_err()
            }
        };
        if is_at_fault {
            tracing::warn!(reason = %error, units = count, submission_id, request_id, "holding on to a batch");
        } else {
            tracing::error!(reason = %error, units = count, submission_id, request_id, "a batch failed");
            failures += 1;
            let is_too_heavy = count > 1 && matches!(error, DatabaseError::TimedOut(_));
            if is_too_heavy || failures == TRIES {
                return Some(Err(error.to_string()));
            }
        }
        stop.run_until_cancelled(sleep(pauses.next().unwrap_or_default())).await?;
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

    /// Its place in the batch, and whether it is a culprit.
    struct Unit(usize, bool, Origin);

    impl Unit {
        fn new(place: usize, is_culprit: bool) -> Self {
            Self(place, is_culprit, Origin::default())
        }
    }

    impl Submitted for Unit {
        fn id(&self) -> Uuid {
            Uuid::from_u128(self.0 as u128)
        }

        fn origin(&self) -> &Origin {
            &self.2
        }
    }

    /// Fails while `away` counts down, then for good where a culprit is among the units. Takes too long
    /// where they are more than `most`.
    struct Script {
        away: usize,
        most: usize,
        works: bool,
    }

    impl Script {
        fn away(away: usize) -> Self {
            Self { away, most: usize::MAX, works: true }
        }
    }

    #[async_trait]
    impl Work<Unit> for Script {
        type Done = usize;

        async fn work(&mut self, units: &[Unit]) -> Result<Vec<usize>, DatabaseError> {
            if self.away > 0 {
                self.away -= 1;
                return Err(DatabaseError::Unavailable("away".to_owned()));
            }
            if units.iter().any(|unit| unit.1) {
                return Err(DatabaseError::Failed("bad".to_owned()));
            }
            if units.len() > self.most {
                return Err(DatabaseError::TimedOut("heavy".to_owned()));
            }
            Ok(units.iter().map(|unit| unit.0).collect())
        }

        async fn probe(&mut self, _: &[Unit]) -> Result<(), DatabaseError> {
            if self.works { Ok(()) } else { Err(DatabaseError::Failed("broken".to_owned())) }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_too_heavy_together_is_done_in_parts() {
        let units: Vec<_> = (0..10).map(|place| Unit::new(place, false)).collect();
        let mut work = Script { most: 3, ..Script::away(0) };
        let results = isolate(&units, &mut work, &CancellationToken::new()).await;
        assert_eq!(results, Some((0..10).map(Ok).collect()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_too_heavy_alone_is_given_up() {
        let mut work = Script { most: 0, ..Script::away(0) };
        let results = isolate(&[Unit::new(0, false)], &mut work, &CancellationToken::new()).await;
        let heavy = "the database took too long: heavy";
        assert_eq!(results, Some(vec![Err(heavy.to_owned())]));
    }

    /// As when a table is gone: nobody's data is to blame.
    #[tokio::test(start_paused = true)]
    async fn a_database_that_carries_out_nothing_is_waited_for() {
        let mut work = Script { most: 0, works: false, ..Script::away(0) };
        let (stop, units) = (CancellationToken::new(), [Unit::new(0, false)]);
        let isolated = isolate(&units, &mut work, &stop);
        let hour = Duration::from_secs(3_600);
        assert!(tokio::time::timeout(hour, isolated).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_absent_database_is_waited_for() {
        let units = [Unit::new(0, false), Unit::new(1, false)];
        let results = isolate(&units, &mut Script::away(50), &CancellationToken::new()).await;
        assert_eq!(results, Some(vec![Ok(0), Ok(1)]));
    }

    #[tokio::test(start_paused = true)]
    async fn stopping_gives_up_waiting() {
        let stop = CancellationToken::new();
        stop.cancel();
        assert_eq!(isolate(&[Unit::new(0, false)], &mut Script::away(50), &stop).await, None);
    }

    proptest! {
        /// Whatever the culprits, they alone fail, and everybody's result is at its place.
        #[test]
        fn culprits_are_isolated(culprits in prop::collection::vec(any::<bool>(), 1..40)) {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time().start_paused(true).build().expect("a runtime");
            let units: Vec<_> = culprits
                .into_iter()
                .enumerate()
                .map(|(place, is_culprit)| Unit::new(place, is_culprit))
                .collect();
            let work = &mut Script::away(0);
            let results = runtime.block_on(isolate(&units, work, &CancellationToken::new()));
            let expected = units.into_iter().map(|Unit(place, is_culprit, _)| {
                if is_culprit { Err("the database failed: bad".to_owned()) } else { Ok(place) }
            });
            prop_assert_eq!(results, Some(expected.collect()));
        }
    }
}
