//! What became of a chunk: from the pipeline's answer to what is kept, and to what callers see.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use shared::contract::{EntryResult, EntryStatus, ErrorBody, Summary};

use super::store::done::DoneChunk;
use crate::gather::Answered;

/// What is kept of a chunk. Entries that did not fail are forgotten: nobody needs them any more.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The JSON array of results.
    pub(super) results: Option<String>,
    /// Why the chunk failed whole, as JSON.
    pub(super) error: Option<String>,
    /// The JSON array of the entries that failed, in their order.
    pub(super) failed_entries: String,
    pub(super) summary: Summary,
}

impl Outcome {
    /// Of a chunk with these entries that was answered so.
    ///
    /// # Errors
    /// When the answer does not fit the entries.
    pub(super) fn answered(
        entries: &str,
        count: usize,
        answered: &Answered,
    ) -> serde_json::Result<Self> {
        let mismatch = || serde::de::Error::custom("one result for each entry was expected");
        let results: Vec<EntryResult> = serde_json::from_str(answered.results.get())?;
        let summary: Summary = serde_json::from_str(answered.summary.get())?;
        let entries: Vec<&RawValue> = serde_json::from_str(entries)?;
        if entries.len() != count || results.len() != count || summary.total != count {
            return Err(mismatch());
        }
        let failed: Vec<_> = entries
            .into_iter()
            .zip(&results)
            .filter(|(_, result)| result.status == EntryStatus::Error)
            .map(|(entry, _)| entry)
            .collect();
        if failed.len() != summary.failed {
            return Err(mismatch());
        }
        Ok(Self {
            results: Some(answered.results.get().to_owned()),
            error: None,
            failed_entries: serde_json::to_string(&failed)?,
            summary,
        })
    }

    /// Of a chunk that was refused whole: every entry of it has failed.
    pub(super) fn refused(entries: String, count: usize, error: &ErrorBody) -> Self {
        Self {
            results: None,
            error: serde_json::to_string(error).ok(),
            failed_entries: entries,
            summary: Summary { total: count, failed: count, ..Summary::default() },
        }
    }
}

/// The result of one entry, with its place in the whole submission.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "SubmissionEntryResult")]
pub(crate) enum Shown {
    /// As in the answer to a small request.
    Result(EntryResult),
    /// Of an entry that was refused together with others.
    Refused {
        /// The entry's place in the submission, from 0.
        index: usize,
        /// `error`.
        status: EntryStatus,
        /// Why.
        error: ErrorBody,
    },
}

impl DoneChunk {
    /// The results of its entries.
    ///
    /// # Errors
    /// When something else is stored than what was.
    pub(super) fn results(&self) -> serde_json::Result<Vec<Shown>> {
        let first = self.first as usize;
        let Some(results) = &self.results else {
            let error: ErrorBody = serde_json::from_str(self.error.as_deref().unwrap_or_default())?;
            let refused =
                |index| Shown::Refused { index, status: EntryStatus::Error, error: error.clone() };
            return Ok((first..first + self.count as usize).map(refused).collect());
        };
        let mut results: Vec<EntryResult> = serde_json::from_str(results)?;
        results.iter_mut().for_each(|result| result.index += first);
        Ok(results.into_iter().map(Shown::Result).collect())
    }
}
