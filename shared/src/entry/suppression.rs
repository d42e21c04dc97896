//! Entries of a do-not-contact list: the same normal forms as those of leads.

use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Email, EntryError, EntryErrorCode, Phone, Region, fields::text};
use crate::contract::NewSuppression;

/// The longest reason, in characters.
const MAX_REASON: usize = 255;

impl NewSuppression {
    /// Parses one entry: `phone` or `email`, and perhaps a `reason`. It gets this id.
    ///
    /// # Errors
    /// The first problem in this order: the entry's shape, phone, email, none or both of them, the
    /// reason.
    pub fn parse(raw: &RawValue, region: Option<Region>, id: Uuid) -> Result<Self, EntryError> {
        #[derive(Deserialize)]
        struct Fields<'a> {
            #[serde(borrow)]
            phone: Option<&'a RawValue>,
            #[serde(borrow)]
            email: Option<&'a RawValue>,
            #[serde(borrow)]
            reason: Option<&'a RawValue>,
        }
        let whole = |problem| EntryError::whole(EntryErrorCode::InvalidEntry, problem);
        // A sequence would be taken for the fields in their order.
        if !raw.get().starts_with('{') {
            return Err(whole("each suppression must be an object"));
        }
        let fields: Fields<'_> = serde_json::from_str(raw.get())
            .map_err(|_| whole("each field of a suppression may stand only once"))?;
        let phone = text(fields.phone, EntryErrorCode::InvalidPhone, "phone")?
            .map(|text| Phone::parse(&text, region))
            .transpose()?;
        let email = text(fields.email, EntryErrorCode::InvalidEmail, "email")?
            .map(|text| Email::parse(&text))
            .transpose()?;
        let contact = match (&phone, &email) {
            (Some(phone), None) => phone.into(),
            (None, Some(email)) => email.into(),
            (None, None) => {
                return Err(EntryError::whole(
                    EntryErrorCode::MissingIdentifier,
                    "phone or email is required",
                ));
            }
            (Some(_), Some(_)) => return Err(whole("phone and email are two suppressions")),
        };
        let reason = text(fields.reason, EntryErrorCode::InvalidField, "reason")?;
        if reason.as_ref().is_some_and(|r| r.contains('\0') || r.chars().count() > MAX_REASON) {
            return Err(EntryError::field(
                EntryErrorCode::InvalidField,
                "reason",
                "reason must have at most 255 characters, without U+0000",
            ));
        }
        Ok(Self { id, contact, reason: reason.map(std::borrow::Cow::into_owned) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::contract::Contact;

    fn parse(json: &str) -> Result<NewSuppression, EntryErrorCode> {
        let raw = serde_json::from_str(json).expect("valid JSON");
        NewSuppression::parse(raw, None, Uuid::nil()).map_err(|error| error.code)
    }

    #[test]
    fn normal_forms() {
        let by = |contact, reason: Option<&str>| {
            Ok(NewSuppression { id: Uuid::nil(), contact, reason: reason.map(str::to_owned) })
        };
        let (phone, email) = ("+15551234567".to_owned(), "a@x.com".to_owned());
        assert_eq!(
            parse(r#"{"phone":"+1 (555) 123-4567","email":" "}"#),
            by(Contact::Phone(phone), None)
        );
        assert_eq!(
            parse(r#"{"email":" A@X.com","reason":"asked","x":1e999}"#),
            by(Contact::Email(email.clone()), Some("asked"))
        );
        let longest = "ä".repeat(MAX_REASON);
        assert_eq!(
            parse(&json!({"email": email, "reason": longest}).to_string()),
            by(Contact::Email(email), Some(&longest))
        );
    }

    #[test]
    fn rejections() {
        use EntryErrorCode::*;
        let long = json!({"email": "a@x.com", "reason": "ä".repeat(256)}).to_string();
        for (json, expected) in [
            ("7", InvalidEntry),
            (r#"["+15551234567"]"#, InvalidEntry),
            (r#"{"phone":"+15551234567","phone":"+15551234568"}"#, InvalidEntry),
            (r#"{"phone":"+15551234567","email":"a@x.com"}"#, InvalidEntry),
            ("{}", MissingIdentifier),
            (r#"{"phone":"555"}"#, InvalidPhone),
            (r#"{"email":7}"#, InvalidEmail),
            (r#"{"email":"a@x.com","reason":7}"#, InvalidField),
            (r#"{"email":"a@x.com","reason":"a\u0000b"}"#, InvalidField),
            (&long, InvalidField),
        ] {
            assert_eq!(parse(json), Err(expected), "{json}");
        }
    }
}
