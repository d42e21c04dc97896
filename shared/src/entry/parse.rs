//! From an entry's raw JSON to a [`LeadEntry`].

use serde_json::value::RawValue;

use super::{
    DETAIL_FIELDS, Details, EntryError, EntryErrorCode, JsonObject, LeadEntry, OBJECT_FIELDS,
    PROFILE_FIELDS, Profile, ProfileField, Region,
    fields::{Fields, text},
};

/// What a caller calls an entry. Echoed, and not kept.
pub(super) const REF: ProfileField = ProfileField { name: "ref", max_chars: 255 };

impl LeadEntry {
    /// Parses one entry of a submission.
    ///
    /// # Errors
    /// The first problem in this order: the entry's shape, lead_id, phone, email, no identifier
    /// at all, the other fields. Any problem rejects the whole entry.
    pub fn parse(raw: &RawValue, region: Option<Region>) -> Result<Self, EntryError> {
        Self::parse_with_ref(raw, region).1
    }

    /// The same, with what the caller calls the entry, which is told where the entry is rejected,
    /// too. Its own problem comes last.
    pub fn parse_with_ref(
        raw: &RawValue,
        region: Option<Region>,
    ) -> (Option<String>, Result<Self, EntryError>) {
        let fields = match Fields::of(raw) {
            Ok(fields) => fields,
            Err(error) => return (None, Err(error)),
        };
        match REF.parse(fields.reference) {
            Ok(reference) => (reference, Self::of(fields, region)),
            Err(error) => (None, Self::of(fields, region).and(Err(error))),
        }
    }

    fn of(fields: Fields<'_>, region: Option<Region>) -> Result<Self, EntryError> {
        let lead_id = fields.lead_id()?;
        let phone = fields.phone(region)?;
        let email = fields.email()?;
        if lead_id.is_none() && phone.is_none() && email.is_none() {
            return Err(EntryError::missing_identifier());
        }
        Ok(Self {
            lead_id,
            phone,
            email,
            profile: Profile(texts(&PROFILE_FIELDS, fields.profile())?),
            details: details(&fields)?,
            warnings: fields.warnings,
        })
    }
}

/// The details, where there are any.
fn details(fields: &Fields<'_>) -> Result<Option<Box<Details>>, EntryError> {
    let (texts_given, objects_given) = (fields.details(), fields.objects());
    if texts_given.iter().chain(objects_given).all(Option::is_none) {
        return Ok(None);
    }
    let mut details = Details { texts: texts(&DETAIL_FIELDS, texts_given)?, ..Details::default() };
    let objects = details.objects.iter_mut().zip(objects_given);
    for (field, (value, raw)) in OBJECT_FIELDS.into_iter().zip(objects) {
        if let Some(raw) = raw {
            *value = JsonObject::parse(field, raw)?;
        }
    }
    Ok(Some(details).filter(|details| *details != Details::default()).map(Box::new))
}

/// The values of text fields.
fn texts<const N: usize>(
    fields: &[ProfileField; N],
    raw: &[Option<&RawValue>],
) -> Result<[Option<String>; N], EntryError> {
    let mut values = [const { None }; N];
    for ((field, raw), value) in fields.iter().zip(raw).zip(&mut values) {
        *value = field.parse(*raw)?;
    }
    Ok(values)
}

impl ProfileField {
    /// The field's value; `None` where it is blank.
    pub(super) fn parse(&self, raw: Option<&RawValue>) -> Result<Option<String>, EntryError> {
        let Some(text) = text(raw, EntryErrorCode::InvalidField, self.name)? else {
            return Ok(None);
        };
        let problem = if text.contains('\0') {
            format!("{} must not contain U+0000", self.name)
        } else if text.chars().count() > self.max_chars {
            format!("{} must have at most {} characters", self.name, self.max_chars)
        } else {
            return Ok(Some(text.into_owned()));
        };
        Err(EntryError::field(EntryErrorCode::InvalidField, self.name, problem))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::entry::fields::{MAX_WARNING_CHARS, MAX_WARNINGS};

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
        assert_eq!(entry.details, None);
        assert_eq!(entry.warnings, []);
    }

    #[test]
    fn details() {
        let details = |json: &str| parse(json).expect("valid").details;
        let found = details(
            r#"{"email":"a@x.com","company_size":"11-50","job_description":" ",
                "metadata":{"score":9007199254740993},"custom_variables":{}}"#,
        );
        let found = found.expect("some");
        assert_eq!(found.texts, [None, None, Some("11-50".to_owned())]);
        let objects = found.objects.map(|object| object.map(|object| object.to_json()));
        assert_eq!(objects, [None, Some(r#"{"score":9007199254740993}"#.to_owned())]);
        assert_eq!(details(r#"{"email":"a@x.com","metadata":null,"company_website":""}"#), None);
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
            (r#"{"email":"a@x.com","metadata":"text"}"#, InvalidField),
            (r#"{"email":"a@x.com","metadata":{"a":1e100000}}"#, InvalidField),
            (r#"{"email":"a@x.com","custom_variables":[]}"#, InvalidField),
            (r#"{"email":"a@x.com","company_size":50}"#, InvalidField),
        ] {
            assert_eq!(code(json), expected, "{json}");
        }
    }

    #[test]
    fn a_ref_is_told_whatever_becomes_of_the_entry() {
        let parse = |json: &str| {
            let raw = serde_json::from_str(json).expect("valid JSON");
            let (reference, entry) = LeadEntry::parse_with_ref(raw, None);
            (reference, entry.map(|entry| entry.warnings.len()).map_err(|error| error.field))
        };
        let row = Some("row 7".to_owned());
        let (phone, title, own) = (Some("phone".into()), Some("title".into()), Some("ref".into()));
        let long = json!({"ref": "ä".repeat(256), "email": "a@x.com"}).to_string();
        for (json, reference, entry) in [
            (r#"{"ref":"row 7","email":"a@x.com"}"#, row.clone(), Ok(0)),
            (r#"{"ref":null,"email":"a@x.com"}"#, None, Ok(0)),
            (r#"{"ref":"row 7","phone":"x"}"#, row.clone(), Err(phone.clone())),
            (r#"{"ref":"row 7","email":"a@x.com","title":1}"#, row.clone(), Err(title)),
            (r#"{"ref":"row 7"}"#, row, Err(None)),
            (r#"{"ref":7,"email":"a@x.com"}"#, None, Err(own.clone())),
            (r#"{"ref":"a\u0000b","email":"a@x.com"}"#, None, Err(own.clone())),
            (&long, None, Err(own)),
            (r#"{"ref":7,"phone":"x"}"#, None, Err(phone)),
            (r#"{"ref":"a","ref":"b","email":"a@x.com"}"#, None, Err(None)),
        ] {
            assert_eq!(parse(json), (reference, entry), "{json}");
        }
    }

    #[test]
    fn lengths_count_characters_and_are_inclusive() {
        for field in PROFILE_FIELDS.iter().chain(&DETAIL_FIELDS) {
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
