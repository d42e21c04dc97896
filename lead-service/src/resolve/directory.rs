//! The leads of one workspace that a batch is about, by their identifiers.

use std::{collections::HashMap, sync::Arc};

use shared::entry::{Details, Email, LeadEntry, Phone};
use uuid::Uuid;

use super::{Lead, Mark, suppressed::Suppressions};

/// The leads of one workspace that the entries at hand can name: those found in the database, then
/// changed and joined by new ones as entries are applied.
#[derive(Debug, Default)]
pub struct Directory {
    pub(super) leads: Vec<Tracked>,
    pub(super) ids: HashMap<Uuid, usize>,
    pub(super) phones: HashMap<Phone, usize>,
    pub(super) emails: HashMap<Email, usize>,
    /// Those of the contacts at hand that must not be contacted.
    pub(super) suppressions: Arc<Suppressions>,
}

/// A lead with what the database knows of it.
#[derive(Debug)]
pub(super) struct Tracked {
    pub(super) lead: Lead,
    /// As it was found; `None` for a new lead or one that has not changed.
    pub(super) before: Option<Box<Lead>>,
    pub(super) new: bool,
}

impl Directory {
    /// Adds a lead that was found in the database. The same lead may be added again.
    pub fn add(&mut self, lead: Lead) {
        if !self.ids.contains_key(&lead.id) {
            self.push(lead, false);
        }
    }

    /// All leads, as they are by now.
    pub fn leads(&self) -> impl Iterator<Item = &Lead> {
        self.leads.iter().map(|tracked| &tracked.lead)
    }

    /// Makes a lead of an entry.
    pub(super) fn create(&mut self, id: Uuid, entry: &LeadEntry, mark: Mark) -> usize {
        let lead = Lead {
            id,
            phone: entry.phone.clone(),
            email: entry.email.clone(),
            profile: entry.profile.clone(),
            details: entry.details.clone(),
            mark: Some(mark),
        };
        self.push(lead, true)
    }

    fn push(&mut self, lead: Lead, new: bool) -> usize {
        let place = self.leads.len();
        self.ids.insert(lead.id, place);
        if let Some(phone) = &lead.phone {
            self.phones.insert(phone.clone(), place);
        }
        if let Some(email) = &lead.email {
            self.emails.insert(email.clone(), place);
        }
        self.leads.push(Tracked { lead, before: None, new });
        place
    }

    pub(super) fn lead(&self, place: usize) -> &Lead {
        &self.leads[place].lead
    }

    pub(super) fn by_id(&self, id: Uuid) -> Option<usize> {
        self.ids.get(&id).copied()
    }

    pub(super) fn by_phone(&self, phone: &Phone) -> Option<usize> {
        self.phones.get(phone).copied()
    }

    pub(super) fn by_email(&self, email: &Email) -> Option<usize> {
        self.emails.get(email).copied()
    }

    pub(super) fn set_phone(&mut self, place: usize, phone: &Phone) {
        if self.lead(place).phone.as_ref() == Some(phone) {
            return;
        }
        let old = self.change(place).phone.replace(phone.clone());
        if let Some(old) = old {
            self.phones.remove(&old);
        }
        self.phones.insert(phone.clone(), place);
    }

    pub(super) fn set_email(&mut self, place: usize, email: &Email) {
        if self.lead(place).email.as_ref() == Some(email) {
            return;
        }
        let old = self.change(place).email.replace(email.clone());
        if let Some(old) = old {
            self.emails.remove(&old);
        }
        self.emails.insert(email.clone(), place);
    }

    pub(super) fn set_profile_field(&mut self, place: usize, field: usize, value: &str) {
        if self.lead(place).profile.0[field].as_deref() != Some(value) {
            self.change(place).profile.0[field] = Some(value.to_owned());
        }
    }

    pub(super) fn set_details(&mut self, place: usize, details: Box<Details>) {
        if self.lead(place).details.as_ref() != Some(&details) {
            self.change(place).details = Some(details);
        }
    }

    /// The lead, to be changed; remembers how it was found.
    fn change(&mut self, place: usize) -> &mut Lead {
        let tracked = &mut self.leads[place];
        if !tracked.new && tracked.before.is_none() {
            tracked.before = Some(Box::new(tracked.lead.clone()));
        }
        &mut tracked.lead
    }
}
