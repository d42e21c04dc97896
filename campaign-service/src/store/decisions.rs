//! Which entries of a submission were passed over because their lead is in another campaign.

use diesel::sql_types::{BigInt, Integer, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared::{array_statement, database::DatabaseError};
use uuid::Uuid;

/// Days that a decision is remembered: longer than anything is redelivered or retried.
const KEEP_DAYS: i32 = 7;
/// Rows that one purge statement removes at the most, to stay a short transaction.
const PURGE_ROWS: i64 = 10_000;

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

/// Removes one portion of what is older than [`KEEP_DAYS`] and says how many rows that were.
pub async fn purge(connection: &mut AsyncPgConnection) -> Result<usize, DatabaseError> {
    let removed = diesel::sql_query(
        "DELETE FROM campaign.decisions WHERE ctid = ANY (ARRAY( \
             SELECT ctid FROM campaign.decisions \
             WHERE decided_at < now() - make_interval(days => $1) LIMIT $2))",
    )
    .bind::<Integer, _>(KEEP_DAYS)
    .bind::<BigInt, _>(PURGE_ROWS)
    .execute(connection)
    .await?;
    Ok(removed)
}
