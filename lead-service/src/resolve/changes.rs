//! What a batch changed, as rows to write.

use uuid::Uuid;

use super::{Directory, Lead, directory::Tracked};

/// The rows to write for one workspace: park, then update, then insert.
#[derive(Debug, Default)]
pub struct Changes<'a> {
    /// Identifiers to take away first, because another lead gets them in this same batch and the
    /// unique indexes look at every row on its own.
    pub parked: Vec<Parked>,
    /// Leads as they are to become.
    pub updated: Vec<&'a Lead>,
    /// New leads.
    pub created: Vec<&'a Lead>,
}

/// A lead whose phone or email goes to another lead.
#[derive(Debug, PartialEq, Eq)]
pub struct Parked {
    /// The lead that had it.
    pub id: Uuid,
    /// Whether its phone goes.
    pub phone: bool,
    /// Whether its email goes.
    pub email: bool,
}

impl Directory {
    /// The leads that entries have made.
    pub fn created(&self) -> impl Iterator<Item = &Lead> {
        self.leads.iter().filter(|tracked| tracked.new).map(|tracked| &tracked.lead)
    }

    /// What has to be written.
    pub fn changes(&self) -> Changes<'_> {
        let mut changes = Changes { created: self.created().collect(), ..Changes::default() };
        for (place, tracked) in self.leads.iter().enumerate() {
            if let Some(before) = &tracked.before
                && **before != tracked.lead
            {
                changes.updated.push(&tracked.lead);
                changes.parked.extend(self.parked(place, before, tracked));
            }
        }
        changes
    }

    fn parked(&self, place: usize, before: &Lead, now: &Tracked) -> Option<Parked> {
        let taken = |owner: Option<usize>| owner.is_some_and(|owner| owner != place);
        let phone = taken(before.phone.as_ref().and_then(|phone| self.by_phone(phone)));
        let email = taken(before.email.as_ref().and_then(|email| self.by_email(email)));
        (phone || email).then_some(Parked { id: now.lead.id, phone, email })
    }
}
