//! A submission as a whole: entry after entry, as its options ask for.

use shared::{
    contract::{Merge, Options, Outcome},
    entry::{EntryError, LeadEntry},
};
use uuid::Uuid;

use super::{Directory, Mark};
use crate::unit::Unit;

impl Directory {
    /// Applies the entries of a submission, or only tells what would become of them.
    ///
    /// `new_id` is asked for the ids of leads that have to be made, or would have to be.
    pub fn apply(&mut self, unit: &Unit, mut new_id: impl FnMut() -> Uuid) -> Vec<Outcome> {
        let Options { dry_run, all_or_nothing, .. } = unit.options;
        let mut ids = Vec::new();
        if dry_run || all_or_nothing {
            let tried = self.excerpt(&unit.entries).apply_each(unit, &mut || {
                let id = new_id();
                ids.push(id);
                id
            });
            if all_or_nothing && tried.iter().any(Outcome::is_failure) {
                return tried.into_iter().map(not_applied).collect();
            }
            if dry_run {
                return tried;
            }
        }
        // What was tried comes out the same, down to the ids.
        let mut ids = ids.into_iter();
        self.apply_each(unit, &mut || ids.next().unwrap_or_else(&mut new_id))
    }

    fn apply_each(&mut self, unit: &Unit, new_id: &mut impl FnMut() -> Uuid) -> Vec<Outcome> {
        let entries = (0..).zip(&unit.entries);
        entries
            .map(|(entry, parsed)| match parsed {
                Ok(parsed) => {
                    let mark = Mark { submission_id: unit.id, entry };
                    if unit.options.skip_if_in_workspace {
                        self.resolve_if_new(parsed, mark, &mut *new_id)
                    } else {
                        self.resolve(parsed, unit.merge, mark, &mut *new_id)
                    }
                }
                Err(error) => Outcome::Rejected(error.clone()),
            })
            .collect()
    }

    /// Applies one entry, unless the workspace has its lead.
    fn resolve_if_new(
        &mut self,
        entry: &LeadEntry,
        mark: Mark,
        new_id: impl FnOnce() -> Uuid,
    ) -> Outcome {
        match self.resolve(entry, Merge::None, mark, new_id) {
            Outcome::Lead(lead) if !lead.created => Outcome::Skipped(lead),
            outcome => outcome,
        }
    }

    /// A copy of what these entries can name, to be changed without consequence.
    fn excerpt(&self, entries: &[Result<LeadEntry, EntryError>]) -> Self {
        let mut excerpt = Self { suppressions: self.suppressions.clone(), ..Self::default() };
        for entry in entries.iter().flatten() {
            let by_id = entry.lead_id.and_then(|id| self.by_id(id));
            let by_phone = entry.phone.as_ref().and_then(|phone| self.by_phone(phone));
            let by_email = entry.email.as_ref().and_then(|email| self.by_email(email));
            for place in [by_id, by_phone, by_email].into_iter().flatten() {
                excerpt.add(self.lead(place).clone());
            }
        }
        excerpt
    }
}

/// What is told of an entry whose submission is refused because of others.
fn not_applied(outcome: Outcome) -> Outcome {
    if outcome.is_failure() { outcome } else { Outcome::NotApplied }
}
