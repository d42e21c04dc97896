//! The load generator: requests made of leads, sent over kept connections, every answer checked.

pub mod closed;
pub mod open;
mod request;
mod tally;

pub use request::{Mix, Numbers, Requests, Target};
pub use tally::{Tally, histogram};

use crate::system::Usage;

/// What was measured.
pub struct Measured {
    /// Requests, leads and latencies.
    pub tally: Tally,
    /// How long, in seconds.
    pub seconds: f64,
    /// What the processes used meanwhile.
    pub usage: Usage,
}

impl Measured {
    /// Leads answered in a second.
    pub fn leads_per_second(&self) -> f64 {
        self.tally.leads as f64 / self.seconds
    }

    /// Requests answered in a second.
    pub fn requests_per_second(&self) -> f64 {
        self.tally.requests as f64 / self.seconds
    }
}
