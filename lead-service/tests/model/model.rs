//! The plainest model of contract section 3: a list of leads, looked through from the front for
//! every entry.

use lead_service::{
    resolve::{Lead, Mark},
    unit::Unit,
};
use shared::{
    contract::{Conflict, Contact, Merge, Outcome, Resolved, Suppressed},
    entry::{Details, EntryError, EntryErrorCode, Identifier, JsonObject, LeadEntry},
};
use uuid::Uuid;

/// The ids under which a submission's leads were made; for an entry that made none, one that cannot
/// have been told.
pub fn new_ids(told: &[Outcome]) -> Vec<Uuid> {
    let id = |outcome: &Outcome| match outcome {
        Outcome::Lead(lead) if lead.created => lead.lead_id,
        _ => Uuid::now_v7(),
    };
    told.iter().map(id).collect()
}

/// The contract, one entry at a time, with no thought of speed.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// The leads, oldest first.
    pub leads: Vec<Lead>,
    /// Whom not to contact, and why.
    pub suppressed: Vec<(Contact, Option<String>)>,
}

impl Model {
    /// Applies a submission. Each entry's lead, if it has to be made, gets the id at its place; where
    /// none was told, an id that fits nothing.
    pub fn apply_all(&mut self, unit: &Unit, new_ids: &[Uuid]) -> Vec<Outcome> {
        let mut after = self.clone();
        let mut outcomes = Vec::new();
        for (entry, parsed) in unit.entries.iter().enumerate() {
            let new_id = new_ids.get(entry).copied().unwrap_or_default();
            let mark = Mark { submission_id: unit.id, entry: entry as i32 };
            let skip = unit.options.skip_if_in_workspace;
            let merge = if skip { Merge::None } else { unit.merge };
            let outcome = match parsed {
                Ok(parsed) => after.apply(parsed, merge, mark, new_id),
                Err(error) => Outcome::Rejected(error.clone()),
            };
            outcomes.push(match outcome {
                Outcome::Lead(lead) if skip && !lead.created => Outcome::Skipped(lead),
                outcome => outcome,
            });
        }
        let fails =
            |outcome: &Outcome| matches!(outcome, Outcome::Rejected(_) | Outcome::Suppressed(_));
        if unit.options.all_or_nothing && outcomes.iter().any(fails) {
            outcomes.iter_mut().filter(|o| !fails(o)).for_each(|o| *o = Outcome::NotApplied);
        } else if !unit.options.dry_run {
            *self = after;
        }
        outcomes
    }

    /// Which of these contacts is suppressed, the first of them.
    fn first_suppressed<'a>(
        &self,
        contacts: impl IntoIterator<Item = (Identifier, &'a str)>,
    ) -> Option<Outcome> {
        contacts.into_iter().find_map(|(field, value)| {
            self.suppressed.iter().find_map(|(contact, reason)| {
                let named = match contact {
                    Contact::Phone(phone) => (Identifier::Phone, phone.as_str()),
                    Contact::Email(email) => (Identifier::Email, email.as_str()),
                };
                let reason = reason.clone();
                (named == (field, value))
                    .then_some(Outcome::Suppressed(Suppressed { field, reason }))
            })
        })
    }

    /// Applies one entry. A lead that has to be made gets `new_id`.
    pub fn apply(&mut self, entry: &LeadEntry, merge: Merge, mark: Mark, new_id: Uuid) -> Outcome {
        let having_phone =
            self.leads.iter().position(|lead| entry.phone.is_some() && lead.phone == entry.phone);
        let having_email =
            self.leads.iter().position(|lead| entry.email.is_some() && lead.email == entry.email);
        let (chosen, matched_by) = if let Some(id) = entry.lead_id {
            match self.leads.iter().position(|lead| lead.id == id) {
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
        let mut contacts = vec![(&entry.phone, &entry.email)];
        contacts
            .extend(chosen.map(|chosen| (&self.leads[chosen].phone, &self.leads[chosen].email)));
        let contacts = contacts.into_iter().flat_map(|(phone, email)| {
            let phone = phone.as_ref().map(|phone| (Identifier::Phone, phone.as_str()));
            let email = email.as_ref().map(|email| (Identifier::Email, email.as_str()));
            phone.into_iter().chain(email)
        });
        if let Some(suppressed) = self.first_suppressed(contacts) {
            return suppressed;
        }
        let Some(chosen) = chosen else {
            self.leads.push(Lead {
                id: new_id,
                phone: entry.phone.clone(),
                email: entry.email.clone(),
                profile: entry.profile.clone(),
                details: entry.details.clone(),
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
        let conflict = conflict.map(|(field, place)| Conflict {
            field,
            lead_id: Some(self.leads[place.expect("found")].id),
        });
        let lead = &mut self.leads[chosen];
        if conflict.is_none() {
            match details(lead, entry, merge) {
                Ok(details) => lead.details = details,
                Err(error) => return Outcome::Rejected(error),
            }
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

/// The details that a lead has after an entry.
fn details(
    lead: &Lead,
    entry: &LeadEntry,
    merge: Merge,
) -> Result<Option<Box<Details>>, EntryError> {
    let (Some(brought), Merge::Fill | Merge::Overwrite) = (&entry.details, merge) else {
        return Ok(lead.details.clone());
    };
    let mut details = lead.details.clone().unwrap_or_default();
    let replaces = |has: bool| !has || merge == Merge::Overwrite;
    for (text, brought) in details.texts.iter_mut().zip(&brought.texts) {
        if brought.is_some() && replaces(text.is_some()) {
            *text = brought.clone();
        }
    }
    let names = ["custom_variables", "metadata"];
    for ((object, brought), name) in details.objects.iter_mut().zip(&brought.objects).zip(names) {
        let members = |object: &Option<JsonObject>| match object {
            None => serde_json::Map::new(),
            Some(object) => serde_json::from_str(&object.to_json()).expect("an object"),
        };
        let mut merged = members(object);
        for (key, value) in members(brought) {
            let had = merged.get(&key);
            if had.is_none_or(|had| !is_blank(&value) && replaces(!is_blank(had))) {
                merged.insert(key, value);
            }
        }
        if merged.len() > 100 {
            let problem = format!("{name} must have at most 100 keys in an object");
            return Err(EntryError::field(EntryErrorCode::InvalidField, name, problem));
        }
        *object = JsonObject::from_stored(&serde_json::Value::Object(merged).to_string());
    }
    Ok(Some(details))
}

fn is_blank(value: &serde_json::Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}
