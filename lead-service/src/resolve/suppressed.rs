//! Whom a workspace must not contact.

use std::{collections::HashMap, sync::Arc};

use shared::{
    contract::{Contact, Suppressed},
    entry::{Identifier, LeadEntry},
};

use super::Directory;

/// Suppressed contacts, each with the reason, where that was told.
pub(super) type Suppressions = HashMap<Contact, Option<String>>;

impl Directory {
    /// Adds a suppressed contact that was found in the database.
    pub fn suppress(&mut self, contact: Contact, reason: Option<String>) {
        Arc::make_mut(&mut self.suppressions).insert(contact, reason);
    }

    /// Why nothing may be done about an entry, by its own identifiers or by those of the lead that
    /// it names.
    pub(super) fn suppressed(&self, entry: &LeadEntry, lead: Option<usize>) -> Option<Suppressed> {
        if self.suppressions.is_empty() {
            return None;
        }
        let lead = lead.map(|place| self.lead(place));
        let brought = (entry.phone.as_ref(), entry.email.as_ref());
        let has = lead.map(|lead| (lead.phone.as_ref(), lead.email.as_ref())).unwrap_or_default();
        [brought, has].into_iter().find_map(|(phone, email)| {
            let phone = phone.map(|phone| (Identifier::Phone, Contact::from(phone)));
            let email = email.map(|email| (Identifier::Email, Contact::from(email)));
            phone.into_iter().chain(email).find_map(|(field, contact)| {
                let reason = self.suppressions.get(&contact)?.clone();
                Some(Suppressed { field, reason })
            })
        })
    }
}
