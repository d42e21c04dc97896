//! What became of how many rows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The status of entries that were added.
pub const ADDED: &str = "added";
/// The status of entries whose lead was in the campaign before.
pub const ALREADY: &str = "already_in_campaign";
/// The status of rejected entries.
pub const REJECTED: &str = "error";

/// Rows by status, as the API names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tally(BTreeMap<String, u64>);

impl Tally {
    /// Counts a row.
    pub fn count(&mut self, status: &str) {
        *self.0.entry(status.to_owned()).or_default() += 1;
    }

    /// Counts all rows of another tally.
    pub fn add(&mut self, other: &Self) {
        for (status, count) in &other.0 {
            *self.0.entry(status.clone()).or_default() += count;
        }
    }

    /// The rows with this status.
    pub fn of(&self, status: &str) -> u64 {
        self.0.get(status).copied().unwrap_or(0)
    }

    /// All rows.
    pub fn rows(&self) -> u64 {
        self.0.values().sum()
    }

    /// The statuses beside the three usual ones.
    pub fn others(&self) -> impl Iterator<Item = (&str, u64)> {
        let usual = |status: &str| [ADDED, ALREADY, REJECTED].contains(&status);
        let all = self.0.iter().map(|(status, count)| (status.as_str(), *count));
        all.filter(move |(status, _)| !usual(status))
    }
}
