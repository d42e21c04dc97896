//! Presuming of a batch what was true of the last ones, where that is cheaper to write and PostgreSQL
//! refuses it if it is wrong.

use diesel::{
    QueryResult,
    result::{DatabaseErrorKind, Error},
};

/// Batches that were all new after which the next is presumed to be. A wrong presumption costs the batch
/// twice its time, so at worst, where just every ninth batch is not, a ninth is lost.
const AFTER: u32 = 8;

/// What the last batches say of the next: whether nothing that it writes is there already.
pub struct Presumption {
    after: u32,
    /// Batches since the last that was not all new.
    new: u32,
}

impl Default for Presumption {
    fn default() -> Self {
        Self::after(AFTER)
    }
}

impl Presumption {
    /// Holds after as many batches that were all new.
    pub fn after(batches: u32) -> Self {
        Self { after: batches, new: 0 }
    }

    /// Whether the next batch is presumed to be all new.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.new >= self.after
    }

    /// Takes note of a batch that was written.
    pub fn learn(&mut self, is_all_new: bool) {
        self.new = if is_all_new { self.new.saturating_add(1) } else { 0 };
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
    fn it_holds_after_batches_that_were_all_new() {
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
