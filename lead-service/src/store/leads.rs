//! Leads as the API shows them, one by one or a few at once.

use chrono::{DateTime, Utc};
use diesel::{
    QueryResult,
    sql_types::{Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::value::RawValue;
use shared::{
    array_statement,
    contract::{self, LeadSource, LeadStatus},
    database::DatabaseError,
};
use uuid::Uuid;

array_statement! {
    /// Leads with these ids, as the API shows them.
    pub struct ShowLeads<'a> {
        workspaces: SqlUuid => Uuid,
        ids: SqlUuid => Uuid,
    }
    sql(
        "SELECT l.id, l.phone, l.email, l.first_name, l.last_name, l.company_name, l.title, \
             l.linkedin_url, l.company_website, l.job_description, l.company_size, \
             l.custom_variables::text, l.metadata::text, l.updated_at FROM unnest(",
        ") AS k (workspace_id, id) \
         JOIN lead.leads l ON l.workspace_id = k.workspace_id \
             AND uuid_hash_extended(l.workspace_id, 0) = uuid_hash_extended(k.workspace_id, 0) \
             AND l.id = k.id",
    )
    -> (
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
        Nullable<Timestamptz>,
    )
}

#[derive(diesel::Queryable)]
struct Row {
    id: Uuid,
    phone: Option<String>,
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    company_name: Option<String>,
    title: Option<String>,
    linkedin_url: Option<String>,
    company_website: Option<String>,
    job_description: Option<String>,
    company_size: Option<String>,
    custom_variables: Option<String>,
    metadata: Option<String>,
    updated_at: Option<DateTime<Utc>>,
}

/// The leads of a workspace among these ids, in no particular order.
///
/// # Errors
/// When the database cannot be asked.
pub async fn get(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
    ids: &[Uuid],
) -> Result<Vec<contract::Lead>, DatabaseError> {
    let show = ShowLeads {
        workspaces: vec![workspace_id; ids.len()],
        ids: ids.to_vec(),
        ..ShowLeads::default()
    };
    let rows: Vec<Row> = show.load(connection).await?;
    rows.into_iter().map(contract::Lead::try_from).collect()
}

/// Removes a lead; `false` where there is none.
pub(crate) async fn delete(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
    id: Uuid,
) -> QueryResult<bool> {
    let deleted = diesel::sql_query(
        "DELETE FROM lead.leads WHERE workspace_id = $1 AND id = $2 \
             AND uuid_hash_extended(workspace_id, 0) = uuid_hash_extended($1, 0)",
    )
    .bind::<SqlUuid, _>(workspace_id)
    .bind::<SqlUuid, _>(id)
    .execute(connection)
    .await?;
    Ok(deleted > 0)
}

impl TryFrom<Row> for contract::Lead {
    type Error = DatabaseError;

    fn try_from(row: Row) -> Result<Self, DatabaseError> {
        let object = |json: Option<String>| {
            json.map(RawValue::from_string)
                .transpose()
                .map_err(|_| DatabaseError::Failed("an object is no JSON".to_owned()))
        };
        let created_at = created_at(row.id);
        Ok(Self {
            id: row.id,
            phone: row.phone,
            email: row.email,
            first_name: row.first_name,
            last_name: row.last_name,
            company_name: row.company_name,
            title: row.title,
            linkedin_url: row.linkedin_url,
            company_website: row.company_website,
            job_description: row.job_description,
            company_size: row.company_size,
            custom_variables: object(row.custom_variables)?,
            metadata: object(row.metadata)?,
            status: LeadStatus::Pending,
            source: LeadSource::Api,
            created_at,
            // Two clocks: the service's and the database's.
            updated_at: row.updated_at.map_or(created_at, |updated| updated.max(created_at)),
        })
    }
}

/// The time in an id.
fn created_at(id: Uuid) -> DateTime<Utc> {
    let (seconds, nanos) = id.get_timestamp().map_or((0, 0), |time| time.to_unix());
    let seconds = i64::try_from(seconds).unwrap_or_default();
    DateTime::from_timestamp(seconds, nanos).unwrap_or_default()
}
