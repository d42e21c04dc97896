//! Presuming that there is little to find.
//!
//! Looking up takes a third of the time between a workspace's lock and its commit, and one of two round
//! trips. Who imports or enriches mostly posts new leads for long, though, and then it finds nothing. So
//! after some batches in which nothing was found, the next is resolved and written as if nothing were
//! there. And where leads are seen again, they mostly come with the same phone and email as before. So after
//! some batches in which leads were found by their phones alone, emails beside a phone are not looked up.
//!
//! That is safe: a phone or email that was not looked up must be one that is inserted, or a lead's that was
//! found otherwise; else all is looked up after all. And the unique indexes refuse one that another lead has.
//! They refuse a submission that was answered before, too, where that was not looked up, and
//! `lead.write_new` refuses workspaces that suppress contacts. Then nothing is written, and the batch is
//! looked up and written as usual.

use std::collections::HashSet;

use shared::{
    database::Presumption,
    entry::{Email, Phone},
};
use uuid::Uuid;

use super::lookup::Found;
use crate::{resolve::Lead, unit::Unit};

/// What is presumed of the next batch.
#[derive(Default)]
pub(super) struct Presumptions {
    /// That there is nothing to find.
    pub(super) all_new: Presumption,
    /// That phones tell all that emails beside them could.
    pub(super) phones_tell: Presumption,
}

/// What of it was true of a batch.
#[derive(Clone, Copy, Default)]
pub(super) struct Truths {
    /// Nothing was found: no lead that the entries could name, no earlier answer, nobody suppressed.
    pub(super) all_new: bool,
    /// Looking up phones first would have been enough, or was.
    pub(super) phones_tell: bool,
}

impl Presumptions {
    /// Each holds after as many batches of which it was true.
    pub(super) fn after(batches: u32) -> Self {
        Self { all_new: Presumption::after(batches), phones_tell: Presumption::after(batches) }
    }

    /// Takes note of a batch.
    pub(super) fn learn(&mut self, truths: Truths) {
        self.all_new.learn(truths.all_new);
        self.phones_tell.learn(truths.phones_tell);
    }
}

/// Phones and emails in their workspaces.
pub(super) type Contacts<'a> = HashSet<(Uuid, &'a str)>;

/// All phones and emails that the units name; `None` if they name leads by id, too, or one is a dry run,
/// which leaves nothing that an earlier answer under its id could refuse.
pub(super) fn named(units: &[Unit]) -> Option<Contacts<'_>> {
    if units.iter().any(|unit| unit.options.dry_run) {
        return None;
    }
    let mut named = Contacts::new();
    for unit in units {
        for entry in unit.entries.iter().flatten() {
            if entry.lead_id.is_some() {
                return None;
            }
            named.extend(contacts(&entry.phone, &entry.email).map(|c| (unit.workspace_id, c)));
        }
    }
    Some(named)
}

/// The emails beside a phone, but for those of leads that were found without looking them up.
pub(super) fn emails_unknown<'a>(units: &'a [Unit], found: &Found) -> Contacts<'a> {
    let leads = found
        .directories
        .iter()
        .flat_map(|(workspace_id, directory)| directory.leads().map(|lead| (*workspace_id, lead)));
    let known: Contacts<'_> = leads
        .filter_map(|(workspace_id, lead)| Some((workspace_id, lead.email.as_ref()?.as_str())))
        .collect();
    let unanswered =
        units.iter().filter(|unit| !found.records.contains_key(&(unit.workspace_id, unit.id)));
    unanswered
        .flat_map(|unit| {
            let beside_phone = unit.entries.iter().flatten().filter(|entry| entry.phone.is_some());
            let emails = beside_phone.filter_map(|entry| entry.email.as_ref());
            emails.map(|email| (unit.workspace_id, email.as_str()))
        })
        .filter(|email| !known.contains(email))
        .collect()
}

/// Whether all of these contacts are those of leads that are to be made, given with their workspaces.
pub(super) fn are_new<'a>(
    unknown: &Contacts<'_>,
    created: impl Iterator<Item = (Uuid, &'a Lead)>,
) -> bool {
    let of_leads = created.flat_map(|(workspace_id, lead)| {
        contacts(&lead.phone, &lead.email).map(move |contact| (workspace_id, contact))
    });
    // No contact is that of two leads.
    of_leads.filter(|contact| unknown.contains(contact)).count() == unknown.len()
}

fn contacts<'a>(
    phone: &'a Option<Phone>,
    email: &'a Option<Email>,
) -> impl Iterator<Item = &'a str> {
    phone.as_ref().map(Phone::as_str).into_iter().chain(email.as_ref().map(Email::as_str))
}
