//! What becomes of a submission in its campaign.

use shared::contract::ErrorBody;

use super::Linked;

/// What became of a submission's entries in the campaign.
#[derive(Debug, Default)]
pub struct Placement {
    /// For each entry whether it added its lead; `false` for a rejected one, too.
    pub added: Vec<bool>,
    /// The places of entries that were passed over because their lead is in another campaign, in
    /// order.
    pub skipped: Vec<usize>,
}

/// What became of a submission's entries, or why it failed whole.
pub type Placed = Result<Placement, ErrorBody>;

impl Placement {
    /// Where nothing was passed over.
    pub(super) fn of(linked: Linked) -> Placed {
        linked.map(|added| Self { added, skipped: vec![] })
    }

    /// Whether this entry was passed over.
    pub fn is_skipped(&self, entry: usize) -> bool {
        self.skipped.binary_search(&entry).is_ok()
    }
}
