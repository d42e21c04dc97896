//! The table of idempotency keys.

use std::time::Duration;

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared::{
    database::DatabaseError,
    purge::{self, DAY},
};
use uuid::Uuid;

use super::Fingerprint;

/// How long a key is remembered; the contract promises 24 hours.
const KEEP: Duration = DAY.saturating_mul(2);

diesel::table! {
    gateway.idempotency_keys (workspace_id, key) {
        workspace_id -> Uuid,
        key -> Text,
        fingerprint -> Binary,
        submission_id -> Uuid,
        answer -> Nullable<Text>,
    }
}

/// What is known of a claimed key.
#[derive(HasQuery)]
#[diesel(table_name = idempotency_keys)]
pub(super) struct Stored {
    pub(super) fingerprint: Vec<u8>,
    pub(super) submission_id: Uuid,
    pub(super) answer: Option<String>,
}

/// Claims a key; `false` when somebody has it.
pub(super) async fn insert(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
    key: &str,
    fingerprint: &Fingerprint,
    submission_id: Uuid,
) -> Result<bool, DatabaseError> {
    let claimed = diesel::insert_into(idempotency_keys::table)
        .values((
            idempotency_keys::workspace_id.eq(workspace_id),
            idempotency_keys::key.eq(key),
            idempotency_keys::fingerprint.eq(&fingerprint[..]),
            idempotency_keys::submission_id.eq(submission_id),
        ))
        .on_conflict_do_nothing()
        .execute(connection)
        .await?;
    Ok(claimed == 1)
}

/// What a key stands for.
pub(super) async fn find(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
    key: &str,
) -> Result<Option<Stored>, DatabaseError> {
    let of_key = idempotency_keys::workspace_id.eq(workspace_id).and(idempotency_keys::key.eq(key));
    Ok(Stored::query().filter(of_key).first(connection).await.optional()?)
}

/// Keeps the answer, unless there is one.
pub(super) async fn answer(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
    key: &str,
    answer: &str,
) -> Result<(), DatabaseError> {
    diesel::update(idempotency_keys::table.find((workspace_id, key)))
        .filter(idempotency_keys::answer.is_null())
        .set(idempotency_keys::answer.eq(answer))
        .execute(connection)
        .await?;
    Ok(())
}

/// Removes one portion of what is older than [`KEEP`] and says how many rows that were.
pub(super) async fn purge(connection: &mut AsyncPgConnection) -> Result<usize, DatabaseError> {
    purge::remove(connection, "gateway.idempotency_keys", "claimed_at", KEEP).await
}
