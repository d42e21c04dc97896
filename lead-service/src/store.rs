//! The lead service's tables.

pub mod leads;
pub mod lookups;
pub mod records;
pub mod writes;

use diesel::sql_types::{Integer, Nullable, Text, Uuid as SqlUuid};
use shared::entry::{Email, Phone, Profile};
use uuid::Uuid;

use crate::resolve::{Lead, Mark};

/// A row of `lead.leads` as the pipeline needs it: workspace, id, phone, email, the profile's five
/// fields, and the mark.
pub(crate) type LeadSql = (
    SqlUuid,
    SqlUuid,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<SqlUuid>,
    Nullable<Integer>,
);

/// What a [`LeadSql`] row is read into.
pub(crate) type LeadRow = (
    Uuid,
    Uuid,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<Uuid>,
    Option<i32>,
);

/// The columns of [`LeadSql`], of a table that goes by the name `l`.
macro_rules! lead_columns {
    () => {
        "l.workspace_id, l.id, l.phone, l.email, l.first_name, l.last_name, l.company_name, \
         l.title, l.linkedin_url, l.submission_id, l.entry"
    };
}
pub(crate) use lead_columns;

/// A row's workspace and lead.
pub(crate) fn lead(row: LeadRow) -> (Uuid, Lead) {
    let (workspace_id, id, phone, email, first, last, company, title, linkedin, submission, entry) =
        row;
    let mark = submission.zip(entry).map(|(submission_id, entry)| Mark { submission_id, entry });
    let lead = Lead {
        id,
        phone: phone.map(Phone::from_stored),
        email: email.map(Email::from_stored),
        profile: Profile([first, last, company, title, linkedin]),
        mark,
    };
    (workspace_id, lead)
}
