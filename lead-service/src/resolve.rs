//! The identity rule (contract sections 2 and 3), pure: which lead an entry names, what it changes,
//! and what the caller is told.

mod apply;
mod changes;
mod directory;
mod suppressed;

pub use changes::{Changes, Parked};
pub use directory::Directory;

use shared::{
    contract::{Conflict, Merge, Outcome, Resolved},
    entry::{Details, Email, EntryError, Identifier, LeadEntry, OBJECT_FIELDS, Phone, Profile},
};
use uuid::Uuid;

/// A lead, as the database holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lead {
    /// Its id.
    pub id: Uuid,
    /// Its phone.
    pub phone: Option<Phone>,
    /// Its email.
    pub email: Option<Email>,
    /// What is usually known of it.
    pub profile: Profile,
    /// Everything else; `None` where it was not read, and then it stays as it is.
    pub details: Option<Box<Details>>,
    /// The entry that made it, if one did.
    pub mark: Option<Mark>,
}

/// An entry's place in the world: which entry of which submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    /// The submission.
    pub submission_id: Uuid,
    /// The entry's index in it.
    pub entry: i32,
}

impl Directory {
    /// Applies one entry, as if it were the only one, after all that were applied before.
    ///
    /// `new_id` is asked for the id of a lead that has to be made.
    pub fn resolve(
        &mut self,
        entry: &LeadEntry,
        merge: Merge,
        mark: Mark,
        new_id: impl FnOnce() -> Uuid,
    ) -> Outcome {
        let found = match self.find(entry) {
            Ok(found) => found,
            Err(error) => return Outcome::Rejected(error),
        };
        if let Some(suppressed) = self.suppressed(entry, found.map(|(place, _)| place)) {
            return Outcome::Suppressed(suppressed);
        }
        let (place, found_by) = match found {
            Some((place, found_by)) => (place, Some(found_by)),
            None => (self.create(new_id(), entry, mark), None),
        };
        let conflict = self.conflict(place, entry);
        // Leads are never merged: where two are involved, neither is touched.
        if conflict.is_none()
            && found_by.is_some()
            && let Err(error) = self.merge(place, entry, merge)
        {
            return Outcome::Rejected(error);
        }
        let lead = self.lead(place);
        // A lead that this very entry made in an earlier delivery was made by it, not found.
        let created = lead.mark == Some(mark);
        Outcome::Lead(Resolved {
            lead_id: lead.id,
            created,
            matched_by: found_by.filter(|_| !created),
            conflict,
            kept: kept(lead, entry),
            warnings: entry.warnings.clone(),
        })
    }

    /// The lead that the entry names, and by what. The order of the rule is the order here.
    fn find(&self, entry: &LeadEntry) -> Result<Option<(usize, Identifier)>, EntryError> {
        if let Some(id) = entry.lead_id {
            let place = self.by_id(id).ok_or_else(EntryError::lead_not_found)?;
            return Ok(Some((place, Identifier::LeadId)));
        }
        let by_phone = || Some((self.by_phone(entry.phone.as_ref()?)?, Identifier::Phone));
        let by_email = || Some((self.by_email(entry.email.as_ref()?)?, Identifier::Email));
        Ok(by_phone().or_else(by_email))
    }

    /// The first identifier of the entry that belongs to another lead.
    fn conflict(&self, place: usize, entry: &LeadEntry) -> Option<Conflict> {
        let phone = entry.phone.as_ref().and_then(|phone| self.by_phone(phone));
        let email = entry.email.as_ref().and_then(|email| self.by_email(email));
        [(Identifier::Phone, phone), (Identifier::Email, email)].into_iter().find_map(
            |(field, owner)| {
                let owner = owner.filter(|owner| *owner != place)?;
                Some(Conflict { field, lead_id: Some(self.lead(owner).id) })
            },
        )
    }

    /// Lets the fields of the lead follow the entry. Nobody else owns the entry's identifiers.
    ///
    /// # Errors
    /// When an object would grow out of bounds; then nothing has followed.
    fn merge(&mut self, place: usize, entry: &LeadEntry, merge: Merge) -> Result<(), EntryError> {
        let follows = |has: bool| match merge {
            Merge::Fill => !has,
            Merge::Overwrite => true,
            Merge::None => false,
        };
        if let Some(brought) = &entry.details
            && merge != Merge::None
        {
            let mut details = self.lead(place).details.clone().unwrap_or_default();
            merge_details(&mut details, brought, follows)?;
            self.set_details(place, details);
        }
        let lead = self.lead(place);
        if let Some(phone) = &entry.phone
            && follows(lead.phone.is_some())
        {
            self.set_phone(place, phone);
        }
        if let Some(email) = &entry.email
            && follows(self.lead(place).email.is_some())
        {
            self.set_email(place, email);
        }
        for (field, value) in entry.profile.0.iter().enumerate() {
            if let Some(value) = value
                && follows(self.lead(place).profile.0[field].is_some())
            {
                self.set_profile_field(place, field, value);
            }
        }
        Ok(())
    }
}

/// Lets details follow those of an entry, objects key by key.
fn merge_details(
    details: &mut Details,
    brought: &Details,
    follows: impl Fn(bool) -> bool,
) -> Result<(), EntryError> {
    for (has, brought) in details.texts.iter_mut().zip(&brought.texts) {
        if brought.is_some() && follows(has.is_some()) {
            has.clone_from(brought);
        }
    }
    let objects = details.objects.iter_mut().zip(&brought.objects);
    for (field, (has, brought)) in OBJECT_FIELDS.into_iter().zip(objects) {
        match (has, brought) {
            (_, None) => {}
            (has @ None, Some(_)) => has.clone_from(brought),
            (Some(has), Some(brought)) => {
                has.merge(brought, &follows);
                has.check(field)?;
            }
        }
    }
    Ok(())
}

/// Where the lead has another phone or email than the entry brought.
fn kept(lead: &Lead, entry: &LeadEntry) -> Vec<Identifier> {
    let phone = differs(&lead.phone, &entry.phone).then_some(Identifier::Phone);
    let email = differs(&lead.email, &entry.email).then_some(Identifier::Email);
    phone.into_iter().chain(email).collect()
}

fn differs<T: PartialEq>(has: &Option<T>, brought: &Option<T>) -> bool {
    matches!((has, brought), (Some(has), Some(brought)) if has != brought)
}
