//! What submissions were answered.

use std::time::Duration;

use diesel::sql_types::{Binary, Timestamptz, Uuid as SqlUuid};
use diesel_async::AsyncPgConnection;
use shared::{
    array_statement,
    database::DatabaseError,
    purge::{self, DAY},
};
use uuid::Uuid;

/// How long an answer is remembered: longer than anything is redelivered or retried.
pub const KEEP: Duration = DAY.saturating_mul(7);

array_statement! {
    /// Workspace, id, fingerprint, outcomes and time of submissions that were resolved before.
    pub struct FindRecords<'a> {
        workspaces: SqlUuid => Uuid,
        ids: SqlUuid => Uuid,
    }
    sql(
        "SELECT r.workspace_id, r.id, r.fingerprint, r.outcomes, r.resolved_at FROM unnest(",
        ") AS k (workspace_id, id) \
         JOIN lead.submissions r ON r.workspace_id = k.workspace_id AND r.id = k.id",
    )
    -> (SqlUuid, SqlUuid, Binary, Binary, Timestamptz)
}

array_statement! {
    /// Remembers what submissions were answered, and says when that was.
    pub struct InsertRecords<'a> {
        workspaces: SqlUuid => Uuid,
        ids: SqlUuid => Uuid,
        fingerprints: Binary => &'a [u8],
        outcomes: Binary => &'a [u8],
    }
    sql(
        "WITH recorded AS ( \
             INSERT INTO lead.submissions (workspace_id, id, fingerprint, outcomes) \
             SELECT * FROM unnest(",
        ")) SELECT now()",
    )
    -> Timestamptz
}

/// Removes one portion of what is older than [`KEEP`] and says how many rows that were.
pub async fn purge(connection: &mut AsyncPgConnection) -> Result<usize, DatabaseError> {
    purge::remove(connection, "lead.submissions", "resolved_at", KEEP).await
}
