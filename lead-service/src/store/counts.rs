//! How many leads each workspace has, so that nobody has to count them.

use diesel::{
    OptionalExtension,
    sql_types::{BigInt, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared::{array_statement, database::DatabaseError};
use uuid::Uuid;

array_statement! {
    /// Adds to the counts of workspaces, each named once. Whoever does so holds their locks.
    pub struct CountLeads<'a> {
        workspaces: SqlUuid => Uuid,
        leads: BigInt => i64,
    }
    sql(
        "INSERT INTO lead.workspaces AS w (workspace_id, leads) SELECT * FROM unnest(",
        ") ON CONFLICT (workspace_id) DO UPDATE SET leads = w.leads + excluded.leads",
    )
}

impl CountLeads<'_> {
    /// Adds a workspace's new leads, if there are any.
    pub fn push(&mut self, workspace_id: Uuid, leads: usize) {
        if leads > 0 {
            self.workspaces.push(workspace_id);
            self.leads.push(leads as i64);
        }
    }

    /// One lead more in a workspace, or one less.
    pub fn one(workspace_id: Uuid, change: i64) -> Self {
        Self { workspaces: vec![workspace_id], leads: vec![change], ..Self::default() }
    }
}

/// How many leads the workspace has.
///
/// # Errors
/// When the database cannot be asked.
pub async fn count(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
) -> Result<i64, DatabaseError> {
    #[derive(diesel::QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        leads: i64,
    }
    let count = diesel::sql_query("SELECT leads FROM lead.workspaces WHERE workspace_id = $1")
        .bind::<SqlUuid, _>(workspace_id)
        .get_result::<Count>(connection)
        .await
        .optional()?;
    Ok(count.map_or(0, |count| count.leads))
}
