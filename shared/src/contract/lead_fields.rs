//! The fields of one lead, as `POST /v1/leads` and `PATCH /v1/leads/{id}` take them.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{ErrorBody, Warning};
use crate::entry::{EntryError, EntryErrorCode, LeadEntry, LeadPatch, Region};

/// The option that stands among the fields.
const DEFAULT_REGION: &str = "default_region";

/// Fields of one lead as a caller wrote them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LeadFields {
    /// The caller's JSON object, as text: as a value it would lose what numbers are exactly.
    pub json: String,
    /// The workspace's region for national phone numbers, where the object names none.
    pub default_region: Option<String>,
}

impl LeadFields {
    /// The fields of a new lead, by the rules of entries.
    ///
    /// # Errors
    /// `bad_request`, naming the field at fault; a lead needs a phone or an email.
    pub fn entry(&self) -> Result<LeadEntry, ErrorBody> {
        let (raw, region) = self.read()?;
        let mut entry = LeadEntry::parse(raw, region).map_err(refused)?;
        if entry.lead_id.is_some() {
            return Err(refused(EntryError::lead_id_given()));
        }
        forget_option(&mut entry.warnings);
        Ok(entry)
    }

    /// The changes to a lead.
    ///
    /// # Errors
    /// `bad_request`, naming the field at fault.
    pub fn patch(&self) -> Result<LeadPatch, ErrorBody> {
        let (raw, region) = self.read()?;
        let mut patch = LeadPatch::parse(raw, region).map_err(refused)?;
        forget_option(&mut patch.warnings);
        Ok(patch)
    }

    /// What a lead without phone and email is refused with.
    pub fn without_identifier() -> ErrorBody {
        ErrorBody::bad_request("At least one of phone or email is required")
    }

    /// The object, and the region in which it is read.
    fn read(&self) -> Result<(&RawValue, Option<Region>), ErrorBody> {
        #[derive(Deserialize)]
        struct Options {
            #[serde(default)]
            default_region: Option<String>,
        }
        let invalid = || ErrorBody::bad_request("Invalid JSON body");
        let raw: &RawValue = serde_json::from_str(&self.json).map_err(|_| invalid())?;
        if !raw.get().starts_with('{') {
            return Err(invalid());
        }
        let unknown = || ErrorBody::bad_request("default_region must be an ISO 3166 alpha-2 code");
        let given: Options = serde_json::from_str(raw.get()).map_err(|_| unknown())?;
        let code = given.default_region.as_ref().or(self.default_region.as_ref());
        let region = code.map(|code| Region::from_str(code).map_err(|()| unknown()));
        Ok((raw, region.transpose()?))
    }
}

/// The caller's own fault. The message names the field.
pub(crate) fn refused(error: EntryError) -> ErrorBody {
    match error.code {
        EntryErrorCode::MissingIdentifier => LeadFields::without_identifier(),
        _ => ErrorBody::bad_request(error.message),
    }
}

/// What was read as an option was not ignored.
fn forget_option(warnings: &mut Vec<Warning>) {
    warnings.retain(|warning| warning.field != DEFAULT_REGION);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(json: &str) -> LeadFields {
        LeadFields { json: json.to_owned(), default_region: None }
    }

    #[test]
    fn the_region_stands_among_the_fields() {
        let json = r#"{"phone":"(512) 867-5309","default_region":"US","shoe_size":43}"#;
        let entry = fields(json).entry().expect("valid");
        assert_eq!(entry.phone.expect("there").as_str(), "+15128675309");
        assert_eq!(entry.warnings.len(), 1);
        assert_eq!(entry.warnings[0].field, "shoe_size");
        let patch = fields(json).patch().expect("valid");
        assert_eq!(patch.warnings.len(), 1);

        let of_workspace = LeadFields {
            default_region: Some("US".to_owned()),
            ..fields(r#"{"phone":"(512) 867-5309"}"#)
        };
        assert!(of_workspace.entry().is_ok());
        assert!(fields(&of_workspace.json).entry().is_err());
    }

    #[test]
    fn what_is_wrong_is_told() {
        let id = r#"{"email":"a@x.com","lead_id":"00000000-0000-7000-8000-00000000000a"}"#;
        for (json, told) in [
            ("", "Invalid JSON body"),
            ("[]", "Invalid JSON body"),
            ("{} {}", "Invalid JSON body"),
            ("{}", "phone or email"),
            (id, "lead_id"),
            (r#"{"phone":"555"}"#, "phone"),
            (r#"{"email":"a@x.com","email":"b@x.com"}"#, "once"),
            (r#"{"email":"a@x.com","metadata":7}"#, "metadata"),
            (r#"{"email":"a@x.com","default_region":"Texas"}"#, "default_region"),
            (r#"{"email":"a@x.com","default_region":7}"#, "default_region"),
        ] {
            let error = fields(json).entry().expect_err(json);
            assert!(error.message.contains(told), "{json}: {error}");
        }
    }
}
