//! Presuming that a batch holds nothing but new leads.
//!
//! Looking up takes a third of the time between a workspace's lock and its commit, and one of two round
//! trips. Who imports or enriches mostly posts new leads for long, though, and then it finds nothing. So
//! after some batches in which nothing was found, the next is resolved and written as if nothing were
//! there. That is safe: every phone and email that the batch names is inserted (else it is looked up
//! after all), and the unique indexes refuse one that another lead has, and a submission that was
//! answered before; where contacts are suppressed, the statement fails, too. Then nothing is written, and
//! the batch is looked up and written as usual.

use std::collections::HashSet;

use shared::entry::{Email, Phone};
use uuid::Uuid;

use crate::{resolve::Lead, unit::Unit};

/// Whether the unique indexes refuse the units if they are not all new: each remembers its answer, and
/// they name leads by phone and email only, and no others than these, which they make. What is known of
/// the units and leads cannot matter then.
pub(super) fn is_guarded<'a>(units: &[Unit], created: impl Iterator<Item = &'a Lead>) -> bool {
    // A dry run leaves nothing that an earlier answer under its id could refuse.
    if units.iter().any(|unit| unit.options.dry_run) {
        return false;
    }
    let of_leads: usize = created
        .map(|lead| usize::from(lead.phone.is_some()) + usize::from(lead.email.is_some()))
        .sum();
    let mut named: HashSet<(Uuid, &str)> = HashSet::with_capacity(of_leads);
    for unit in units {
        for entry in unit.entries.iter().flatten() {
            if entry.lead_id.is_some() {
                return false;
            }
            let phone = entry.phone.as_ref().map(Phone::as_str);
            let email = entry.email.as_ref().map(Email::as_str);
            named.extend(phone.into_iter().chain(email).map(|value| (unit.workspace_id, value)));
        }
    }
    named.len() == of_leads
}
