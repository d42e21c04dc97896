//! From an entry's raw JSON to a [`LeadEntry`].

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Email, EntryError, EntryErrorCode, LeadEntry, PROFILE_FIELDS, Phone, Profile, Region};
use crate::contract::{Warning, WarningCode};

/// Unknown fields are named up to this many, so that an answer stays in proportion.
const MAX_WARNINGS: usize = 20;
/// How much of an unknown field's name is repeated.
const MAX_WARNING_CHARS: usize = 64;

/// The identifiers' names, as they stand before the profile fields in [`Fields::values`].
const IDENTIFIERS: [&str; 3] = ["lead_id", "phone", "email"];
const KNOWN: usize = IDENTIFIERS.len() + PROFILE_FIELDS.len();

impl LeadEntry {
    /// Parses one entry of a submission.
    ///
    /// # Errors
    /// The first problem in this order: the entry's shape, lead_id, phone, email, no identifier
    /// at all, the other fields. Any problem rejects the whole entry.
    pub fn parse(raw: &RawValue, region: Option<Region>) -> Result<Self, EntryError> {
        let fields: Fields<'_> = serde_json::from_str(raw.get()).map_err(|_| {
            let problem = if raw.get().starts_with('{') {
                "each field of a lead may stand only once"
            } else {
                "each lead must be an object"
            };
            EntryError::whole(EntryErrorCode::InvalidEntry, problem)
        })?;
        let [lead_id, phone, email, ref profile @ ..] = fields.values;
        let lead_id = text(lead_id, EntryErrorCode::InvalidLeadId, "lead_id")?
            .map(|text| parse_lead_id(&text))
            .transpose()?;
        let phone = text(phone, EntryErrorCode::InvalidPhone, "phone")?
            .map(|text| Phone::parse(&text, region))
            .transpose()?;
        let email = text(email, EntryErrorCode::InvalidEmail, "email")?
            .map(|text| Email::parse(&text))
            .transpose()?;
        if lead_id.is_none() && phone.is_none() && email.is_none() {
            return Err(EntryError::missing_identifier());
        }
        Ok(Self {
            lead_id,
            phone,
            email,
            profile: parse_profile(profile)?,
            warnings: fields.warnings,
        })
    }
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

fn parse_profile(raw: &[Option<&RawValue>]) -> Result<Profile, EntryError> {
    let mut profile = Profile::default();
    for ((field, raw), value) in PROFILE_FIELDS.iter().zip(raw).zip(&mut profile.0) {
        let Some(text) = text(*raw, EntryErrorCode::InvalidField, field.name)? else { continue };
        let problem = if text.contains('\0') {
            format!("{} must not contain U+0000", field.name)
        } else if text.chars().count() > field.max_chars {
            format!("{} must have at most {} characters", field.name, field.max_chars)
        } else {
            *value = Some(text.into_owned());
            continue;
        };
        return Err(EntryError::field(EntryErrorCode::InvalidField, field.name, problem));
    }
    Ok(profile)
}

/// The text of a field; `None` where it is blank: absent, `null`, `""` or white space alone.
fn text<'a>(
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

/// An entry's fields, still raw: `lead_id`, `phone`, `email`, then the profile.
struct Fields<'a> {
    values: [Option<&'a RawValue>; KNOWN],
    warnings: Vec<Warning>,
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
        let mut fields = Fields { values: [None; KNOWN], warnings: Vec::new() };
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Known(place) => {
                    if fields.values[place].replace(map.next_value()?).is_some() {
                        return Err(serde::de::Error::custom("a field stands twice"));
                    }
                }
                Key::Unknown(name) => {
                    map.next_value::<IgnoredAny>()?;
                    if fields.warnings.len() < MAX_WARNINGS {
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
                let mut known =
                    IDENTIFIERS.into_iter().chain(PROFILE_FIELDS.iter().map(|field| field.name));
                Ok(known.position(|known| known == name).map_or_else(
                    || Key::Unknown(name.chars().take(MAX_WARNING_CHARS).collect()),
                    Key::Known,
                ))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn parse(json: &str) -> Result<LeadEntry, EntryError> {
        LeadEntry::parse(serde_json::from_str(json).expect("valid JSON"), None)
    }

    fn code(json: &str) -> EntryErrorCode {
        parse(json).expect_err(json).code
    }

    #[test]
    fn a_full_entry() {
        let entry = parse(
            r#"{"phone":"+1 555 123 4567","email":" A@X.com","lead_id":"00000000-0000-7000-8000-00000000000A",
                "first_name":"Zo\u00eb","last_name":null,"company_name":"","title":" \t","linkedin_url":"https://x"}"#,
        )
        .expect("valid");
        assert_eq!(entry.phone.expect("there").as_str(), "+15551234567");
        assert_eq!(entry.email.expect("there").as_str(), "a@x.com");
        assert_eq!(entry.lead_id, Some(Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_000A)));
        let expected = [Some("Zoë"), None, None, None, Some("https://x")];
        assert_eq!(entry.profile.0.each_ref().map(Option::as_deref), expected);
        assert_eq!(entry.warnings, []);
    }

    #[test]
    fn rejections() {
        use EntryErrorCode::*;
        for (json, expected) in [
            ("7", InvalidEntry),
            ("null", InvalidEntry),
            (r#""+15551234567""#, InvalidEntry),
            (r#"["+15551234567"]"#, InvalidEntry),
            (r#"{"phone":"+15551234567","phone":"+15551234568"}"#, InvalidEntry),
            ("{}", MissingIdentifier),
            (r#"{"phone":null,"email":" ","lead_id":""}"#, MissingIdentifier),
            (r#"{"first_name":"Ann"}"#, MissingIdentifier),
            (r#"{"phone":15551234567}"#, InvalidPhone),
            (r#"{"phone":"555","email":"a@x.com"}"#, InvalidPhone),
            (r#"{"phone":"+1555123456\ud800"}"#, InvalidPhone),
            (r#"{"email":["a@x.com"]}"#, InvalidEmail),
            (r#"{"lead_id":"7"}"#, InvalidLeadId),
            (r#"{"lead_id":"{0000000000000000000000000000000a}--"}"#, InvalidLeadId),
            (r#"{"email":"a@x.com","title":true}"#, InvalidField),
            (r#"{"email":"a@x.com","title":1e999}"#, InvalidField),
            (r#"{"email":"a@x.com","title":"a\u0000b"}"#, InvalidField),
        ] {
            assert_eq!(code(json), expected, "{json}");
        }
    }

    #[test]
    fn lengths_count_characters_and_are_inclusive() {
        for field in &PROFILE_FIELDS {
            let entry =
                |chars| json!({"email": "a@x.com", field.name: "ä".repeat(chars)}).to_string();
            assert!(parse(&entry(field.max_chars)).is_ok(), "{}", field.name);
            let error = parse(&entry(field.max_chars + 1)).expect_err(field.name);
            assert_eq!(error.code, EntryErrorCode::InvalidField);
            assert_eq!(error.field.as_deref(), Some(field.name));
        }
    }

    #[test]
    fn unknown_fields_are_named_within_bounds() {
        let entry = parse(r#"{"email":"a@x.com","nickname":{"deep":[1e999]}}"#).expect("valid");
        assert_eq!(entry.warnings.len(), 1);
        assert_eq!(entry.warnings[0].field, "nickname");

        let flood: Vec<_> = (0..500).map(|n| format!(r#""{n}{}":1"#, "x".repeat(500))).collect();
        let entry = parse(&format!(r#"{{"email":"a@x.com",{}}}"#, flood.join(","))).expect("valid");
        assert_eq!(entry.warnings.len(), MAX_WARNINGS);
        assert!(entry.warnings.iter().all(|warning| warning.field.len() <= MAX_WARNING_CHARS));
    }

    #[test]
    fn depth_neither_overflows_nor_is_kept() {
        let deep =
            format!(r#"{{"email":"a@x.com","x":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert!(parse(&deep).is_ok());
    }

    proptest! {
        /// Any JSON at all is parsed or rejected, and a rejection never repeats the value.
        #[test]
        fn never_panics_and_never_repeats_the_value(phone in "secret\\PC{0,20}", email in "secret\\PC{0,20}") {
            let error = parse(&json!({"phone": phone, "email": email}).to_string());
            let error = error.expect_err("neither is valid");
            prop_assert!(!error.message.contains("secret"));
        }
    }
}
