//! The plainest model of contract section 3: a list of leads, looked through from the front for
//! every entry.

use lead_service::resolve::{Lead, Mark};
use shared::{
    contract::{Conflict, Merge, Outcome, Resolved},
    entry::{Details, EntryError, EntryErrorCode, Identifier, JsonObject, LeadEntry},
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
        let conflict = conflict
            .map(|(field, place)| Conflict { field, lead_id: self.0[place.expect("found")].id });
        let lead = &mut self.0[chosen];
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
