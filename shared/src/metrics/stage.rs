//! What every stage of the pipeline measures, on each lane.

use metrics::{Histogram, histogram};
use tokio::time::Instant;

use super::{BATCH_LEADS, STAGE_DURATION};
use crate::bus::Lane;

/// The measurements of one stage on one lane.
#[derive(Clone)]
pub struct StageMetrics {
    leads: Histogram,
    duration: Histogram,
}

impl StageMetrics {
    /// Of a stage that goes by this name in docs/operations.md.
    pub fn of(stage: &'static str, lane: Lane) -> Self {
        Self {
            leads: histogram!(BATCH_LEADS, "stage" => stage, "lane" => lane.name()),
            duration: histogram!(STAGE_DURATION, "stage" => stage, "lane" => lane.name()),
        }
    }

    /// So many leads were taken at once.
    pub fn taken(&self, leads: usize) {
        self.leads.record(leads as f64);
    }

    /// A batch that was begun then is done.
    pub fn done(&self, begun: Instant) {
        self.duration.record(begun.elapsed());
    }
}
