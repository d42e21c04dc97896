//! The table of callbacks.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::{prelude::*, sql_types::BigInt};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared::database::{DatabaseError, from_now};
use uuid::Uuid;

diesel::table! {
    gateway.callbacks (submission_id) {
        submission_id -> Uuid,
        workspace_id -> Uuid,
        url -> Text,
        status -> Text,
        attempts -> Integer,
        due_at -> Nullable<Timestamptz>,
    }
}

/// A callback.
#[derive(Debug, HasQuery, QueryableByName)]
#[diesel(table_name = callbacks)]
pub(crate) struct Callback {
    /// The submission whose end it tells.
    pub(crate) submission_id: Uuid,
    pub(crate) workspace_id: Uuid,
    pub(crate) url: String,
    pub(crate) status: String,
    /// Attempts so far, with the one under way.
    pub(crate) attempts: i32,
    /// When it is to be sent next.
    pub(crate) due_at: Option<DateTime<Utc>>,
}

/// Notes who wants to be told.
pub(crate) async fn insert(
    connection: &mut AsyncPgConnection,
    submission_id: Uuid,
    workspace_id: Uuid,
    url: &str,
) -> Result<(), DatabaseError> {
    diesel::insert_into(callbacks::table)
        .values((
            callbacks::submission_id.eq(submission_id),
            callbacks::workspace_id.eq(workspace_id),
            callbacks::url.eq(url),
        ))
        .execute(connection)
        .await?;
    Ok(())
}

/// Has it sent, if somebody wants to be told.
pub(crate) async fn start(
    connection: &mut AsyncPgConnection,
    submission_id: Uuid,
) -> Result<(), DatabaseError> {
    diesel::update(callbacks::table.find(submission_id))
        .set(callbacks::due_at.eq(from_now(Duration::ZERO)))
        .execute(connection)
        .await?;
    Ok(())
}

/// Those of these submissions.
pub(crate) async fn of(
    connection: &mut AsyncPgConnection,
    submissions: &[Uuid],
) -> Result<Vec<Callback>, DatabaseError> {
    let of_them = callbacks::submission_id.eq_any(submissions);
    Ok(Callback::query().filter(of_them).load(connection).await?)
}

/// Takes a callback that is due, which nobody else takes for so long. First attempts go first, so
/// that receivers who never answer do not keep others waiting.
pub(super) async fn claim(
    connection: &mut AsyncPgConnection,
    lease: Duration,
) -> Result<Option<Callback>, DatabaseError> {
    let due = diesel::sql_query(
        "UPDATE gateway.callbacks \
         SET due_at = now() + $1 * interval '1 millisecond', attempts = attempts + 1 \
         WHERE submission_id = ( \
             SELECT submission_id FROM gateway.callbacks WHERE due_at <= now() \
             ORDER BY attempts, due_at LIMIT 1 FOR UPDATE SKIP LOCKED) \
         RETURNING *",
    )
    .bind::<BigInt, _>(lease.as_millis() as i64)
    .get_result(connection)
    .await
    .optional()?;
    Ok(due)
}

/// Notes that an attempt failed, and when to make another.
pub(super) async fn postpone(
    connection: &mut AsyncPgConnection,
    submission_id: Uuid,
    pause: Duration,
) -> Result<(), DatabaseError> {
    diesel::update(callbacks::table.find(submission_id))
        .set(callbacks::due_at.eq(from_now(pause)))
        .execute(connection)
        .await?;
    Ok(())
}

/// Notes how it ended.
pub(super) async fn end(
    connection: &mut AsyncPgConnection,
    submission_id: Uuid,
    status: &str,
) -> Result<(), DatabaseError> {
    let over = None::<DateTime<Utc>>;
    diesel::update(callbacks::table.find(submission_id))
        .set((callbacks::status.eq(status), callbacks::due_at.eq(over)))
        .execute(connection)
        .await?;
    Ok(())
}
