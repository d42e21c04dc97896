//! Presuming of a batch what was true of the last ones, where that saves work and shows if it is wrong.

use diesel::{
    QueryResult,
    result::{DatabaseErrorKind, Error},
};

/// Batches of which it was true after which it is presumed of the next. A wrong presumption costs the batch
/// twice its time, so at worst, where it is wrong of just every ninth batch, a ninth is lost.
const AFTER: u32 = 8;

/// What the last batches say of the next.
pub struct Presumption {
    after: u32,
    /// Batches since the last of which it was not true.
    since: u32,
}

impl Default for Presumption {
    fn default() -> Self {
        Self::after(AFTER)
    }
}

impl Presumption {
    /// Holds after as many batches of which it was true.
    pub fn after(batches: u32) -> Self {
        Self { after: batches, since: 0 }
    }

    /// Whether it is presumed of the next batch.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.since >= self.after
    }

    /// Takes note of whether it was true of a batch.
    pub fn learn(&mut self, was_true: bool) {
        self.since = if was_true { self.since.saturating_add(1) } else { 0 };
    }
}

/// Whether the presumption turned out to be wrong: a unique index has been violated.
pub fn is_refuted<T>(written: &QueryResult<T>) -> bool {
    matches!(written, Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_after_batches_of_which_it_was_true() {
        let mut presumption = Presumption::default();
        for _ in 0..AFTER {
            assert!(!presumption.holds());
            presumption.learn(true);
        }
        assert!(presumption.holds());
        presumption.learn(false);
        assert!(!presumption.holds(), "one was not");
    }
}
