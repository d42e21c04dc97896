//! The lead service's tables.

pub mod counts;
pub mod erasures;
pub mod leads;
pub mod lists;
pub mod lookups;
pub mod records;
pub mod suppressed;
pub mod suppressions;
pub mod writes;

use diesel::{
    QueryResult,
    sql_types::{BigInt, Integer, Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared::entry::{Details, Email, JsonObject, Phone, Profile};
use uuid::Uuid;

use crate::resolve::{Lead, Mark};

/// A row of `lead.leads` as the pipeline needs it: workspace, id, phone, email, the profile's five
/// fields, the three texts and two objects of the details, and the mark.
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
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<Uuid>,
    Option<i32>,
);

/// The columns of [`LeadSql`], of a table that goes by the name `l`. The details are NULL unless
/// `k.detailed`: they can be large, and few batches look at them.
macro_rules! lead_columns {
    () => {
        "l.workspace_id, l.id, l.phone, l.email, l.first_name, l.last_name, l.company_name, \
         l.title, l.linkedin_url, CASE WHEN k.detailed THEN l.company_website END, \
         CASE WHEN k.detailed THEN l.job_description END, \
         CASE WHEN k.detailed THEN l.company_size END, \
         CASE WHEN k.detailed THEN l.custom_variables::text END, \
         CASE WHEN k.detailed THEN l.metadata::text END, l.submission_id, l.entry"
    };
}
pub(crate) use lead_columns;

/// A row's workspace and lead, with its details where they were asked for.
pub(crate) fn lead(row: LeadRow, detailed: bool) -> (Uuid, Lead) {
    let (workspace_id, id, phone, email, first, last, company, title, linkedin, ..) = row;
    let (.., website, job, size, variables, metadata, submission, entry) = row;
    let mark = submission.zip(entry).map(|(submission_id, entry)| Mark { submission_id, entry });
    let details = detailed.then(|| {
        let objects = [variables, metadata].map(|json| JsonObject::from_stored(&json?));
        Box::new(Details { texts: [website, job, size], objects })
    });
    let lead = Lead {
        id,
        phone: phone.map(Phone::from_stored),
        email: email.map(Email::from_stored),
        profile: Profile([first, last, company, title, linkedin]),
        details,
        mark,
    };
    (workspace_id, lead)
}

/// Makes this transaction the one that writes to the workspace.
pub(crate) async fn lock(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
) -> QueryResult<()> {
    diesel::sql_query("SELECT pg_advisory_xact_lock($1)")
        .bind::<BigInt, _>(lock_key(workspace_id))
        .execute(connection)
        .await?;
    Ok(())
}

/// The advisory lock that stands for a workspace. Two workspaces that share one merely wait for
/// each other.
pub fn lock_key(workspace_id: Uuid) -> i64 {
    let (high, low) = workspace_id.as_u64_pair();
    (high ^ low) as i64
}
