//! Lead entries: the one place where HTTP and queue input is parsed and normalised
//! (contract section 2).
//!
//! An entry is parsed whole or rejected whole, so nothing of a bad entry is ever written.

pub mod columns;
mod email;
mod error;
mod fields;
mod members;
mod object;
mod parse;
mod patch;
mod phone;
mod profile;
mod schema;
mod suppression;

pub use email::Email;
pub use error::{EntryError, EntryErrorCode};
pub use members::Members;
pub use object::{JsonObject, OBJECT_FIELDS};
pub use patch::{Change, LeadPatch};
pub use phone::{Phone, Region};
pub use profile::{DETAIL_FIELDS, Details, PROFILE_FIELDS, Profile, ProfileField};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::contract::Warning;

/// An entry of a submission, valid and in normal form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeadEntry {
    /// The lead that the caller names, which decides (contract section 3).
    pub lead_id: Option<Uuid>,
    /// The lead's phone.
    pub phone: Option<Phone>,
    /// The lead's email.
    pub email: Option<Email>,
    /// What is usually known of a lead.
    pub profile: Profile,
    /// Everything else that the contract knows of a lead, where the entry brings any of it.
    pub details: Option<Box<Details>>,
    /// What was ignored.
    pub warnings: Vec<Warning>,
}

/// What names a lead in an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Identifier {
    /// The id that Rollcall gave it.
    LeadId,
    /// Its phone.
    Phone,
    /// Its email.
    Email,
}

/// Keeps personal data out of logs: the first character and the length, no more.
fn masked(value: &str, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
    match value.chars().next() {
        Some(first) => write!(f, "{first}…({})", value.chars().count()),
        None => f.write_str("(empty)"),
    }
}
