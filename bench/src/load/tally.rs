//! Counts and latencies.

use std::time::Duration;

use hdrhistogram::Histogram;

/// The longest time that is told apart from longer ones: ten minutes, in microseconds.
const LONGEST: u64 = 600_000_000;

/// For times in microseconds, to three digits.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST, 3).expect("these bounds are supported")
}

/// What was answered, and how fast.
pub struct Tally {
    /// Requests answered.
    pub requests: u64,
    /// Leads in them.
    pub leads: u64,
    /// In microseconds.
    latencies: Histogram<u64>,
}

impl Tally {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { requests: 0, leads: 0, latencies: histogram() }
    }

    /// Counts one request.
    pub fn count(&mut self, leads: usize, latency: Duration) {
        self.requests += 1;
        self.leads += leads as u64;
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.latencies.saturating_record(micros);
    }

    /// The latency, in milliseconds, that this share of the requests did not exceed.
    pub fn quantile(&self, share: f64) -> f64 {
        self.latencies.value_at_quantile(share) as f64 / 1_000.0
    }

    /// The longest latency, in milliseconds.
    pub fn longest(&self) -> f64 {
        self.latencies.max() as f64 / 1_000.0
    }
}
