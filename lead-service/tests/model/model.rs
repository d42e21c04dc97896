//! The plainest model of contract section 3: a list of leads, looked through from the front for
//! every entry.

use lead_service::resolve::{Lead, Mark};
use shared::{
    contract::{Conflict, Merge, Outcome, Resolved},
    entry::{EntryError, Identifier, LeadEntry},
};
use uuid::Uuid;

/// The contract, one entry at a time, with no thought of speed.
#[derive(Clone, Default)]
pub struct Model(pub Vec<Lead>);

impl Model {
    /// Applies one entry. A lead that has to be made gets `new_id`.
    pub fn apply(&mut self, entry: &LeadEntry, merge: Merge, mark: Mark, new_id: Uuid) -> Outcome {
        let having_phone =
            self.0.iter().position(|lead| entry.phone.is_some() && lead.phone == entry.phone);
        let having_email =
            self.0.iter().position(|lead| entry.email.is_some() && lead.email == entry.email);
        let (chosen, matched_by) = if let Some(id) = entry.lead_id {
            match self.0.iter().position(|lead| lead.id == id) {
                None => return Outcome::Rejected(EntryError::lead_not_found()),
                found => (found, Some(Identifier::LeadId)),
            }
        } else if having_phone.is_some() {
            (having_phone, Some(Identifier::Phone))
        } else if having_email.is_some() {
            (having_email, Some(Identifier::Email))
        } else {
            (None, None)
        };
        let Some(chosen) = chosen else {
            self.0.push(Lead {
                id: new_id,
                phone: entry.phone.clone(),
                email: entry.email.clone(),
                profile: entry.profile.clone(),
                mark: Some(mark),
            });
            return Outcome::Lead(Resolved {
                lead_id: new_id,
                created: true,
                matched_by: None,
                conflict: None,
                kept: vec![],
                warnings: entry.warnings.clone(),
            });
        };
        let conflict = if having_phone.is_some_and(|place| place != chosen) {
            Some((Identifier::Phone, having_phone))
        } else if having_email.is_some_and(|place| place != chosen) {
            Some((Identifier::Email, having_email))
        } else {
            None
        };
        let conflict = conflict
            .map(|(field, place)| Conflict { field, lead_id: self.0[place.expect("found")].id });
        let lead = &mut self.0[chosen];
        if conflict.is_none() {
            let fields = lead.profile.0.iter_mut().zip(&entry.profile.0);
            match merge {
                Merge::None => {}
                Merge::Fill => {
                    lead.phone = lead.phone.take().or(entry.phone.clone());
                    lead.email = lead.email.take().or(entry.email.clone());
                    fields.for_each(|(has, brought)| *has = has.take().or(brought.clone()));
                }
                Merge::Overwrite => {
                    lead.phone = entry.phone.clone().or(lead.phone.take());
                    lead.email = entry.email.clone().or(lead.email.take());
                    fields.for_each(|(has, brought)| *has = brought.clone().or(has.take()));
                }
            }
        }
        let mut kept = vec![];
        if lead.phone.is_some() && entry.phone.is_some() && lead.phone != entry.phone {
            kept.push(Identifier::Phone);
        }
        if lead.email.is_some() && entry.email.is_some() && lead.email != entry.email {
            kept.push(Identifier::Email);
        }
        Outcome::Lead(Resolved {
            lead_id: lead.id,
            created: false,
            matched_by,
            conflict,
            kept,
            warnings: entry.warnings.clone(),
        })
    }
}
