//! What the caller gets: one result for each entry (contract section 2).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Conflict, ErrorBody, Warning};
use crate::entry::{EntryError, Identifier};

/// The reply to a message on `leads.submitted` (contract section 5).
#[derive(Debug, Serialize, Deserialize)]
pub struct SubmissionResults {
    /// One for each submission of the message, in its order.
    pub results: Vec<SubmissionResult>,
}

/// The results of one submission, or why it failed whole.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SubmissionResult {
    /// The entries were applied; each has its result.
    Done {
        /// The submission.
        submission_id: Uuid,
        /// The campaign that its leads were linked to.
        campaign_id: Uuid,
        /// One for each entry, in the request's order.
        results: Vec<EntryResult>,
        /// The results, counted.
        summary: Summary,
    },
    /// Nothing of the submission was applied to the campaign.
    Failed {
        /// The submission, where its id could be read.
        submission_id: Option<Uuid>,
        /// Why.
        error: ErrorBody,
    },
}

/// The result of one entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryResult {
    /// The entry's place in the request, from 0.
    pub index: usize,
    /// The lead that was linked; absent on error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead_id: Option<Uuid>,
    /// What became of the entry.
    pub status: EntryStatus,
    /// Whether the entry made the lead; absent on error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<bool>,
    /// By what an existing lead was found: `null` when it was created, absent on error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched_by: Option<Option<Identifier>>,
    /// An identifier of the entry that belongs to another lead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Conflict>,
    /// Identifiers where the lead keeps another value than the entry brought.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<Identifier>,
    /// What was ignored in the entry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// Why the entry was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<EntryError>,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryStatus {
    /// Linked to the campaign by this very entry.
    Added,
    /// The lead was in the campaign before.
    AlreadyInCampaign,
    /// Rejected; nothing of it was written.
    Error,
}

/// The results of a submission, counted by status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// All entries.
    pub total: usize,
    /// Entries that added their lead.
    pub added: usize,
    /// Entries whose lead was there before.
    pub already_in_campaign: usize,
    /// Entries that were rejected.
    pub failed: usize,
}

impl Summary {
    /// Counts the results of another part of the same submission.
    pub fn add(&mut self, part: &Self) {
        let Self { total, added, already_in_campaign, failed } = part;
        self.total += total;
        self.added += added;
        self.already_in_campaign += already_in_campaign;
        self.failed += failed;
    }

    /// Counts one result.
    pub fn count(&mut self, status: EntryStatus) {
        self.total += 1;
        match status {
            EntryStatus::Added => self.added += 1,
            EntryStatus::AlreadyInCampaign => self.already_in_campaign += 1,
            EntryStatus::Error => self.failed += 1,
        }
    }
}
