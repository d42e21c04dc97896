//! Leads as the API shows them.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared::{contract, database::DatabaseError};
use uuid::Uuid;

diesel::table! {
    lead.leads (id, workspace_id) {
        workspace_id -> Uuid,
        id -> Uuid,
        phone -> Nullable<Text>,
        email -> Nullable<Text>,
        first_name -> Nullable<Text>,
        last_name -> Nullable<Text>,
        company_name -> Nullable<Text>,
        title -> Nullable<Text>,
        linkedin_url -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

#[derive(HasQuery)]
#[diesel(table_name = leads)]
struct LeadRow {
    id: Uuid,
    phone: Option<String>,
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    company_name: Option<String>,
    title: Option<String>,
    linkedin_url: Option<String>,
    created_at: chrono::DateTime<chrono::Utc>,
    updated_at: chrono::DateTime<chrono::Utc>,
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
    let rows = LeadRow::query()
        .filter(leads::workspace_id.eq(workspace_id).and(leads::id.eq_any(ids)))
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(contract::Lead::from).collect())
}

impl From<LeadRow> for contract::Lead {
    fn from(row: LeadRow) -> Self {
        Self {
            id: row.id,
            phone: row.phone,
            email: row.email,
            first_name: row.first_name,
            last_name: row.last_name,
            company_name: row.company_name,
            title: row.title,
            linkedin_url: row.linkedin_url,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
