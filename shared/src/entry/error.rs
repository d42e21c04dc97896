//! Why an entry was rejected.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An entry's rejection. Never repeats the offending value.
// Contract section 2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error, JsonSchema)]
#[error("{message}")]
pub struct EntryError {
    /// What kind of problem, for programs.
    pub code: EntryErrorCode,
    /// The field at fault, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<Cow<'static, str>>,
    /// What is wrong, for people.
    pub message: Cow<'static, str>,
}

/// The closed list of entry error codes.
// Contract section 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryErrorCode {
    /// No phone, email or lead_id left after blanks are dropped.
    MissingIdentifier,
    /// The entry is not an object.
    InvalidEntry,
    /// A phone that is no E.164 number.
    InvalidPhone,
    /// An email that is no addr-spec.
    InvalidEmail,
    /// A lead_id that is no UUID.
    InvalidLeadId,
    /// Another field of a wrong type, with U+0000, or too long.
    InvalidField,
    /// The lead_id names no lead of the workspace.
    LeadNotFound,
}

impl EntryError {
    /// An error that concerns the entry as a whole.
    pub fn whole(code: EntryErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, field: None, message: message.into() }
    }

    /// An error in one field.
    pub fn field(
        code: EntryErrorCode,
        field: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { code, field: Some(field.into()), message: message.into() }
    }

    /// No phone, email or lead_id left after blanks are dropped.
    pub fn missing_identifier() -> Self {
        Self::whole(
            EntryErrorCode::MissingIdentifier,
            "At least one of phone, email, or lead_id is required",
        )
    }

    /// The lead_id names no lead of the workspace.
    pub fn lead_not_found() -> Self {
        Self::field(EntryErrorCode::LeadNotFound, "lead_id", "No such lead in this workspace")
    }
}
