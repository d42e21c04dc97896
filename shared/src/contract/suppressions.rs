//! A workspace's do-not-contact list (docs/api.md, "Suppressions").

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::entry::{Email, Phone};

/// The most contacts that one request may suppress.
pub const MAX_SUPPRESSIONS: usize = 10_000;

/// A phone or an email, in normal form.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Contact {
    /// E.164.
    Phone(String),
    /// Lower-case addr-spec.
    Email(String),
}

impl From<&Phone> for Contact {
    fn from(phone: &Phone) -> Self {
        Self::Phone(phone.as_str().to_owned())
    }
}

impl From<&Email> for Contact {
    fn from(email: &Email) -> Self {
        Self::Email(email.as_str().to_owned())
    }
}

/// A contact to be suppressed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewSuppression {
    /// Chosen by the asker, so that a repetition of the request is told the same.
    pub id: Uuid,
    /// Whom not to contact.
    #[serde(flatten)]
    pub contact: Contact,
    /// Why, where that was told.
    pub reason: Option<String>,
}

/// A contact that is suppressed, as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Suppression {
    /// Its id.
    pub id: Uuid,
    /// Whom not to contact.
    #[serde(flatten)]
    pub contact: Contact,
    /// Why, where that was told.
    pub reason: Option<String>,
    /// Since when.
    pub created_at: DateTime<Utc>,
}
