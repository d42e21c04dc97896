//! What the caller gets: one result for each entry (contract section 2).

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use super::{Conflict, ErrorBody, Warning};
use crate::entry::{EntryError, Identifier};

/// The reply to a message on `leads.submitted`.
// Contract section 5.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct SubmissionResults {
    /// One for each submission of the message, in its order.
    pub results: Vec<SubmissionResult>,
}

/// The results of one submission, or why it failed whole.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SubmissionResult {
    /// It was to be all or nothing, and some entry could not be applied, so nothing was.
    Refused {
        /// The submission.
        submission_id: Uuid,
        /// The campaign that its leads were to be linked to.
        campaign_id: Uuid,
        /// Why, in one sentence.
        error: ErrorBody,
        /// One for each entry, in the request's order.
        results: Vec<EntryResult>,
        /// The results, counted.
        summary: Summary,
        /// Whether it was only tried.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        dry_run: bool,
    },
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
        /// Whether this is what would happen: nothing was written.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        dry_run: bool,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EntryResult {
    /// The entry's place in the request, from 0.
    pub index: usize,
    /// What the caller calls the entry.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The lead that was linked or skipped: `null` where a dry run would make it, absent on error.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub lead_id: Option<Option<Uuid>>,
    /// What became of the entry.
    pub status: EntryStatus,
    /// Whether the entry made the lead; absent on error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<bool>,
    /// By what an existing lead was found: `null` when it was created, absent on error.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
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
    /// Which identifier is suppressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<Identifier>,
    /// Why the entry was skipped; of a suppression, what was told when it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'static, str>>,
    /// Why the entry was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<EntryError>,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryStatus {
    /// Linked to the campaign by this very entry.
    Added,
    /// The lead was in the campaign before.
    AlreadyInCampaign,
    /// Rejected; nothing of it was written.
    Error,
    /// About somebody who must not be contacted; nothing of it was written.
    Suppressed,
    /// Passed over, as the submission asked for; not linked.
    Skipped,
    /// Could be applied, but others could not, and it was to be all or nothing.
    NotApplied,
}

/// The results of a submission, counted by status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// All entries.
    pub total: usize,
    /// Entries that added their lead.
    pub added: usize,
    /// Entries whose lead was there before.
    pub already_in_campaign: usize,
    /// Entries that were rejected.
    pub failed: usize,
    /// Entries about somebody who must not be contacted.
    #[serde(default)]
    pub suppressed: usize,
    /// Entries that were passed over, as the submission asked for.
    #[serde(default)]
    pub skipped: usize,
    /// Entries that could have been applied, had it not been all or nothing.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_applied: usize,
}

impl Summary {
    /// Counts the results of another part of the same submission.
    pub fn add(&mut self, part: &Self) {
        let Self { total, added, already_in_campaign, failed, suppressed, skipped, not_applied } =
            part;
        self.total += total;
        self.added += added;
        self.already_in_campaign += already_in_campaign;
        self.failed += failed;
        self.suppressed += suppressed;
        self.skipped += skipped;
        self.not_applied += not_applied;
    }

    /// Counts one result.
    pub fn count(&mut self, status: EntryStatus) {
        self.total += 1;
        match status {
            EntryStatus::Added => self.added += 1,
            EntryStatus::AlreadyInCampaign => self.already_in_campaign += 1,
            EntryStatus::Error => self.failed += 1,
            EntryStatus::Suppressed => self.suppressed += 1,
            EntryStatus::Skipped => self.skipped += 1,
            EntryStatus::NotApplied => self.not_applied += 1,
        }
    }
}

/// A field that is there, be it `null`.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}
