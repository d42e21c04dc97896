//! What the campaign service counts beside its batches. The names stand in docs/operations.md.

use metrics::{Counter, counter};
use shared::{
    contract::{SubmissionResult, Summary},
    metrics::LEADS,
};

/// Counts the entries that were answered.
#[derive(Clone)]
pub struct LeadMetrics {
    added: Counter,
    already_in_campaign: Counter,
    error: Counter,
    suppressed: Counter,
    skipped: Counter,
    not_applied: Counter,
}

impl LeadMetrics {
    /// None yet.
    pub fn new() -> Self {
        Self {
            added: counter!(LEADS, "outcome" => "added"),
            already_in_campaign: counter!(LEADS, "outcome" => "already_in_campaign"),
            error: counter!(LEADS, "outcome" => "error"),
            suppressed: counter!(LEADS, "outcome" => "suppressed"),
            skipped: counter!(LEADS, "outcome" => "skipped"),
            not_applied: counter!(LEADS, "outcome" => "not_applied"),
        }
    }

    /// Counts what was answered to one submission.
    pub fn answered(&self, result: &SubmissionResult) {
        // Without the rest pattern: a new outcome has to be counted here.
        let SubmissionResult::Done {
            summary:
                Summary {
                    total: _,
                    added,
                    already_in_campaign,
                    failed,
                    suppressed,
                    skipped,
                    not_applied,
                },
            ..
        } = result
        else {
            return;
        };
        self.added.increment(*added as u64);
        self.already_in_campaign.increment(*already_in_campaign as u64);
        self.error.increment(*failed as u64);
        self.suppressed.increment(*suppressed as u64);
        self.skipped.increment(*skipped as u64);
        self.not_applied.increment(*not_applied as u64);
    }
}

impl Default for LeadMetrics {
    fn default() -> Self {
        Self::new()
    }
}
