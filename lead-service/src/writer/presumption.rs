//! Presuming that a batch holds new leads only.
//!
//! Looking up takes a third of the time between a workspace's lock and its commit. Who imports or enriches
//! mostly posts new leads for long, though, and then it finds nothing. So after some batches without
//! any lead that was there before, the next is written as if there were none. That is safe: every
//! phone and email that the batch names is inserted (else it is looked up after all), and the unique
//! indexes refuse one that another lead has. Then the transaction is rolled back, and the batch looked
//! up and written as usual.

use diesel::{QueryResult, result::Error};

/// Batches of only new leads after which the next is presumed to be one. A wrong presumption costs the
/// batch twice its time, so at worst, where just every ninth batch meets a lead, a ninth is lost.
const AFTER: u32 = 8;

/// What the last batches say of the next.
pub(super) struct Presumption {
    after: u32,
    /// Batches since the last that met a lead.
    new: u32,
}

impl Default for Presumption {
    fn default() -> Self {
        Self::after(AFTER)
    }
}

impl Presumption {
    /// Holds after as many batches of only new leads.
    pub(super) fn after(batches: u32) -> Self {
        Self { after: batches, new: 0 }
    }

    /// Whether the next batch is presumed to hold new leads only.
    pub(super) fn holds(&self) -> bool {
        self.new >= self.after
    }

    /// Takes note of a batch that was written.
    pub(super) fn learn(&mut self, met_leads: bool) {
        self.new = if met_leads { 0 } else { self.new.saturating_add(1) };
    }
}

/// Whether the presumption may have been wrong. The statements that were sent behind the one that
/// violated an index fail, too, and whose failure is told first is chance.
pub(super) fn is_doubtful<T>(written: &QueryResult<T>) -> bool {
    matches!(written, Err(Error::DatabaseError(..)))
}
