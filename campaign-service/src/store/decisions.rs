//! Which entries of a submission were passed over because their lead is in another campaign.

use std::time::Duration;

use diesel::sql_types::{Text, Uuid as SqlUuid};
use diesel_async::AsyncPgConnection;
use shared::{
    array_statement,
    database::DatabaseError,
    purge::{self, DAY},
};
use uuid::Uuid;

/// How long a decision is remembered: longer than anything is redelivered or retried.
const KEEP: Duration = DAY.saturating_mul(7);

array_statement! {
    /// Workspace, submission and the JSON array of places.
    pub struct FindDecisions<'a> {
        workspaces: SqlUuid => Uuid,
        submissions: SqlUuid => Uuid,
    }
    sql(
        "SELECT d.workspace_id, d.submission_id, d.skipped FROM unnest(",
        ") AS k (workspace_id, submission_id) \
         JOIN campaign.decisions d ON d.workspace_id = k.workspace_id \
             AND d.submission_id = k.submission_id",
    )
    -> (SqlUuid, SqlUuid, Text)
}

array_statement! {
    /// Remembers decisions.
    pub struct InsertDecisions<'a> {
        workspaces: SqlUuid => Uuid,
        submissions: SqlUuid => Uuid,
        skipped: Text => String,
    }
    sql(
        "INSERT INTO campaign.decisions (workspace_id, submission_id, skipped) \
         SELECT * FROM unnest(",
        ") ON CONFLICT DO NOTHING",
    )
}

/// Removes one portion of what is older than [`KEEP`] and says how many rows that were.
///
/// # Errors
/// When the database cannot be asked.
pub async fn purge(connection: &mut AsyncPgConnection) -> Result<usize, DatabaseError> {
    purge::remove(connection, "campaign.decisions", "decided_at", KEEP).await
}
