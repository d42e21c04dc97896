//! An entry's fields, found in its JSON but not yet looked into.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{
    DETAIL_FIELDS, Email, EntryError, EntryErrorCode, OBJECT_FIELDS, PROFILE_FIELDS, Phone, Region,
};
use crate::contract::{Warning, WarningCode};

/// Unknown fields are named up to this many, so that an answer stays in proportion.
pub(super) const MAX_WARNINGS: usize = 20;
/// Ignored without a warning: failed entries of a big submission are handed out with what was wrong
/// with them, to be put right and posted again.
const FORMER_ERROR: &str = "error";
/// How much of an unknown field's name is repeated.
pub(super) const MAX_WARNING_CHARS: usize = 64;

/// The identifiers' names.
const IDENTIFIERS: [&str; 3] = ["lead_id", "phone", "email"];
/// Where the fields stand, or begin, in [`Fields::values`].
const LEAD_ID: usize = 0;
const PHONE: usize = 1;
const EMAIL: usize = 2;
const PROFILE: usize = IDENTIFIERS.len();
const DETAILS: usize = PROFILE + PROFILE_FIELDS.len();
const OBJECTS: usize = DETAILS + DETAIL_FIELDS.len();
const KNOWN: usize = OBJECTS + OBJECT_FIELDS.len();

/// An entry's fields, still raw: identifiers, profile, details, objects.
pub(super) struct Fields<'a> {
    values: [Option<&'a RawValue>; KNOWN],
    /// What the caller calls the entry.
    pub(super) reference: Option<&'a RawValue>,
    pub(super) warnings: Vec<Warning>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(raw: &'a RawValue) -> Result<Self, EntryError> {
        serde_json::from_str(raw.get()).map_err(|_| {
            let problem = if raw.get().starts_with('{') {
                "each field of a lead may stand only once"
            } else {
                "each lead must be an object"
            };
            EntryError::whole(EntryErrorCode::InvalidEntry, problem)
        })
    }

    pub(super) fn lead_id(&self) -> Result<Option<Uuid>, EntryError> {
        text(self.values[LEAD_ID], EntryErrorCode::InvalidLeadId, "lead_id")?
            .map(|text| parse_lead_id(&text))
            .transpose()
    }

    pub(super) fn phone(&self, region: Option<Region>) -> Result<Option<Phone>, EntryError> {
        text(self.values[PHONE], EntryErrorCode::InvalidPhone, "phone")?
            .map(|text| Phone::parse(&text, region))
            .transpose()
    }

    pub(super) fn email(&self) -> Result<Option<Email>, EntryError> {
        text(self.values[EMAIL], EntryErrorCode::InvalidEmail, "email")?
            .map(|text| Email::parse(&text))
            .transpose()
    }

    /// Whether the entry says anything of the phone, be it blank.
    pub(super) fn has_phone(&self) -> bool {
        self.values[PHONE].is_some()
    }

    /// The same of the email.
    pub(super) fn has_email(&self) -> bool {
        self.values[EMAIL].is_some()
    }

    pub(super) fn profile(&self) -> &[Option<&'a RawValue>] {
        &self.values[PROFILE..DETAILS]
    }

    pub(super) fn details(&self) -> &[Option<&'a RawValue>] {
        &self.values[DETAILS..OBJECTS]
    }

    pub(super) fn objects(&self) -> &[Option<&'a RawValue>] {
        &self.values[OBJECTS..]
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields { values: [None; KNOWN], reference: None, warnings: Vec::new() };
        let twice = || serde::de::Error::custom("a field stands twice");
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Known(place) => {
                    if fields.values[place].replace(map.next_value()?).is_some() {
                        return Err(twice());
                    }
                }
                Key::Ref => {
                    if fields.reference.replace(map.next_value()?).is_some() {
                        return Err(twice());
                    }
                }
                Key::Unknown(name) => {
                    map.next_value::<IgnoredAny>()?;
                    if name != FORMER_ERROR && fields.warnings.len() < MAX_WARNINGS {
                        let warning = Warning { code: WarningCode::UnknownField, field: name };
                        fields.warnings.push(warning);
                    }
                }
            }
        }
        Ok(fields)
    }
}

enum Key {
    Known(usize),
    Ref,
    Unknown(String),
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Key, E> {
                let texts = PROFILE_FIELDS.iter().chain(&DETAIL_FIELDS).map(|field| field.name);
                let mut known = IDENTIFIERS.into_iter().chain(texts).chain(OBJECT_FIELDS);
                Ok(match known.position(|known| known == name) {
                    Some(place) => Key::Known(place),
                    None if name == "ref" => Key::Ref,
                    None => Key::Unknown(name.chars().take(MAX_WARNING_CHARS).collect()),
                })
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

/// The text of a field; `None` where it is blank: absent, `null`, `""` or white space alone.
pub(super) fn text<'a>(
    raw: Option<&'a RawValue>,
    code: EntryErrorCode,
    field: &'static str,
) -> Result<Option<Cow<'a, str>>, EntryError> {
    /// Borrows where the string has no escapes, which `Cow` by itself does not.
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

    let Some(raw) = raw.filter(|raw| raw.get() != "null") else { return Ok(None) };
    // What fails here is no string, or one with a lone surrogate.
    let Text(text) = serde_json::from_str(raw.get())
        .map_err(|_| EntryError::field(code, field, format!("{field} must be a string")))?;
    Ok(Some(text).filter(|text| !text.trim().is_empty()))
}

fn parse_lead_id(text: &str) -> Result<Uuid, EntryError> {
    let invalid =
        || EntryError::field(EntryErrorCode::InvalidLeadId, "lead_id", "lead_id must be a UUID");
    let text = text.trim();
    // The hyphenated form alone: the parser also takes braces, URNs and bare digits.
    if text.len() != 36 {
        return Err(invalid());
    }
    Uuid::try_parse(text).map_err(|_| invalid())
}
