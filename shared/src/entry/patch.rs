//! Changes to one lead: what `PATCH` asks for.

use serde_json::value::RawValue;

use super::{
    DETAIL_FIELDS, Details, Email, EntryError, EntryErrorCode, JsonObject, OBJECT_FIELDS,
    PROFILE_FIELDS, Phone, Profile, ProfileField, Region, fields::Fields,
};
use crate::contract::Warning;

/// What becomes of one field: `None` leaves it, `Some(None)` clears it.
pub type Change<T> = Option<Option<T>>;

/// Changes to a lead, valid and in normal form. A blank, however it is written, clears its field.
#[derive(Debug, PartialEq, Eq)]
pub struct LeadPatch {
    /// To the phone.
    pub phone: Change<Phone>,
    /// To the email.
    pub email: Change<Email>,
    profile: [Change<String>; PROFILE_FIELDS.len()],
    texts: [Change<String>; DETAIL_FIELDS.len()],
    objects: [Change<JsonObject>; OBJECT_FIELDS.len()],
    /// What was ignored.
    pub warnings: Vec<Warning>,
}

impl LeadPatch {
    /// Parses changes, by the rules of entries.
    ///
    /// # Errors
    /// The first problem in this order: the shape, lead_id, phone, email, the other fields.
    pub fn parse(raw: &RawValue, region: Option<Region>) -> Result<Self, EntryError> {
        let fields = Fields::of(raw)?;
        if fields.lead_id()?.is_some() {
            return Err(EntryError::lead_id_given());
        }
        let phone = fields.has_phone().then(|| fields.phone(region)).transpose()?;
        let email = fields.has_email().then(|| fields.email()).transpose()?;
        let profile = changes(&PROFILE_FIELDS, fields.profile())?;
        let texts = changes(&DETAIL_FIELDS, fields.details())?;
        let mut objects = [const { None }; OBJECT_FIELDS.len()];
        let given = OBJECT_FIELDS.into_iter().zip(fields.objects());
        for ((field, raw), change) in given.zip(&mut objects) {
            let Some(raw) = raw else { continue };
            let object = JsonObject::parse(field, raw)?;
            // An object without keys names none, so all stay.
            if object.is_some() || !raw.get().starts_with('{') {
                *change = Some(object);
            }
        }
        Ok(Self { phone, email, profile, texts, objects, warnings: fields.warnings })
    }

    /// Changes the fields beside the identifiers. Of an object's keys, those that are not named stay,
    /// and `null` removes one.
    ///
    /// # Errors
    /// `invalid_field` when an object would grow out of bounds.
    pub fn apply(self, profile: &mut Profile, details: &mut Details) -> Result<(), EntryError> {
        apply(&mut profile.0, self.profile);
        apply(&mut details.texts, self.texts);
        for ((field, has), change) in
            OBJECT_FIELDS.into_iter().zip(&mut details.objects).zip(self.objects)
        {
            let Some(change) = change else { continue };
            *has = match (change, has.take()) {
                (None, _) => None,
                (Some(changes), None) => changes.without_nulls(),
                (Some(changes), Some(has)) => has.patched(&changes),
            };
            if let Some(object) = has {
                object.check(field)?;
            }
        }
        Ok(())
    }
}

fn changes<const N: usize>(
    fields: &[ProfileField; N],
    raw: &[Option<&RawValue>],
) -> Result<[Change<String>; N], EntryError> {
    let mut changes = [const { None }; N];
    for ((field, raw), change) in fields.iter().zip(raw).zip(&mut changes) {
        *change = raw.map(|raw| field.parse(Some(raw))).transpose()?;
    }
    Ok(changes)
}

fn apply<const N: usize>(values: &mut [Option<String>; N], changes: [Change<String>; N]) {
    for (value, change) in values.iter_mut().zip(changes) {
        if let Some(change) = change {
            *value = change;
        }
    }
}

impl EntryError {
    /// An id where there is nothing to choose: in the fields of one lead.
    pub fn lead_id_given() -> Self {
        let problem = "lead_id is not among the fields of a lead";
        Self::field(EntryErrorCode::InvalidField, "lead_id", problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(json: &str) -> Result<LeadPatch, EntryError> {
        LeadPatch::parse(serde_json::from_str(json).expect("valid JSON"), None)
    }

    #[test]
    fn absent_stays_and_blank_clears() {
        let patch = patch(
            r#"{"phone":null,"email":"B@x.com","first_name":" ","title":"CTO",
                "company_size":null,"metadata":{"a":null,"b":2},"custom_variables":""}"#,
        )
        .expect("valid");
        assert_eq!(patch.phone, Some(None));
        assert_eq!(patch.email, Some(Some(Email::parse("b@x.com").expect("valid"))));

        let text = |text: &str| Some(text.to_owned());
        let object = |json| JsonObject::from_stored(json);
        let mut profile = Profile([text("Ann"), text("Lee"), None, None, None]);
        let mut details = Details {
            texts: [text("https://x.com"), None, text("11-50")],
            objects: [object(r#"{"v":1}"#), object(r#"{"a":1,"c":3}"#)],
        };
        patch.apply(&mut profile, &mut details).expect("within bounds");
        assert_eq!(profile, Profile([None, text("Lee"), None, text("CTO"), None]));
        assert_eq!(details.texts, [text("https://x.com"), None, None]);
        assert_eq!(details.objects, [None, object(r#"{"b":2,"c":3}"#)]);
    }

    #[test]
    fn an_object_begins_without_the_keys_to_be_removed() {
        for (changes, begun) in [
            (r#"{"metadata":{"a":null,"b":{"c":null}}}"#, Some(r#"{"b":{"c":null}}"#)),
            (r#"{"metadata":{"a":null}}"#, None),
        ] {
            let mut details = Details::default();
            let changed = patch(changes).expect("valid");
            changed.apply(&mut Profile::default(), &mut details).expect("within bounds");
            assert_eq!(details.objects, [None, begun.and_then(JsonObject::from_stored)]);
        }
    }

    #[test]
    fn nothing_to_change() {
        let patch = patch(r#"{"metadata":{},"lead_id":null}"#).expect("valid");
        assert_eq!((&patch.phone, &patch.email), (&None, &None));
        assert_eq!(patch.objects, [None, None]);
    }

    #[test]
    fn problems_name_their_field() {
        for (json, field) in [
            ("[]", None),
            (r#"{"lead_id":"00000000-0000-7000-8000-00000000000a"}"#, Some("lead_id")),
            (r#"{"phone":"555"}"#, Some("phone")),
            (r#"{"email":7}"#, Some("email")),
            (r#"{"title":{}}"#, Some("title")),
            (r#"{"metadata":[1]}"#, Some("metadata")),
        ] {
            let error = patch(json).expect_err(json);
            assert_eq!(error.field.as_deref(), field, "{json}");
        }
    }
}
