//! Workspaces, as the operator sees them.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared::{database::DatabaseError, entry::Region};
use uuid::Uuid;

use crate::keys::schema::workspaces;

/// A workspace as lists show it.
#[derive(Debug, HasQuery)]
#[diesel(table_name = workspaces)]
pub struct WorkspaceListing {
    /// Its id, which internal publishers name.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// The country whose national phone format it uses (ISO 3166 alpha-2).
    pub default_region: Option<String>,
}

/// All workspaces, by name.
///
/// # Errors
/// When the database cannot be asked.
pub async fn list(
    connection: &mut AsyncPgConnection,
) -> Result<Vec<WorkspaceListing>, DatabaseError> {
    Ok(WorkspaceListing::query().order(workspaces::name).load(connection).await?)
}

/// Sets or removes the country whose national phone format a workspace uses. Gateways notice when
/// they next look its keys up. `false` when there is no such workspace.
///
/// # Errors
/// When the database cannot be asked.
pub async fn set_default_region(
    connection: &mut AsyncPgConnection,
    name: &str,
    region: Option<Region>,
) -> Result<bool, DatabaseError> {
    let region = region.map(|region| region.code().to_owned());
    let changed = diesel::update(workspaces::table.filter(workspaces::name.eq(name)))
        .set(workspaces::default_region.eq(region))
        .execute(connection)
        .await?;
    Ok(changed > 0)
}
