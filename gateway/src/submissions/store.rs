//! The tables of big submissions.

pub(super) mod done;
pub(super) mod turns;

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Integer},
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use shared::{
    contract::{Page, Range, Summary},
    database::{ALONG_INDEX, DatabaseError},
};
use uuid::Uuid;

use super::reception::NewChunk;

/// Days that a finished submission can be asked for.
const KEEP_DAYS: i32 = 7;
/// Hours after which a submission that never arrived whole was given up for sure.
const ARRIVING_HOURS: i32 = 6;
/// Submissions that one purge statement removes at the most; each may have hundreds of chunks.
const PURGE_ROWS: i64 = 20;
/// The space of this table's advisory locks, arbitrary but fixed.
const LOCK_SPACE: i32 = 0x7375_626d;

diesel::table! {
    gateway.submissions (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        campaign_id -> Uuid,
        options -> Text,
        total -> Integer,
        processed -> Integer,
        summary -> Text,
        next_chunk -> Integer,
        attempts -> Integer,
        due_at -> Nullable<Timestamptz>,
        served_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        accepted_at -> Nullable<Timestamptz>,
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    gateway.submission_chunks (submission_id, number) {
        submission_id -> Uuid,
        number -> Integer,
        id -> Uuid,
        first -> Integer,
        count -> Integer,
        entries -> Text,
        failed -> Integer,
        results -> Nullable<Text>,
        error -> Nullable<Text>,
    }
}

/// A submission, as its caller may see it.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = submissions)]
pub struct Stored {
    pub id: Uuid,
    pub campaign_id: Uuid,
    pub total: i32,
    pub processed: i32,
    pub summary: String,
    pub served_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// Makes a submission that nobody sees until it is accepted.
pub(super) async fn begin(
    connection: &mut AsyncPgConnection,
    id: Uuid,
    workspace_id: Uuid,
    campaign_id: Uuid,
) -> Result<(), DatabaseError> {
    diesel::insert_into(submissions::table)
        .values((
            submissions::id.eq(id),
            submissions::workspace_id.eq(workspace_id),
            submissions::campaign_id.eq(campaign_id),
            submissions::summary.eq(json(&Summary::default())?),
        ))
        .execute(connection)
        .await?;
    Ok(())
}

/// Adds a chunk to it.
pub(super) async fn add(
    connection: &mut AsyncPgConnection,
    submission_id: Uuid,
    chunk: &NewChunk,
) -> Result<(), DatabaseError> {
    diesel::insert_into(submission_chunks::table)
        .values((
            submission_chunks::submission_id.eq(submission_id),
            submission_chunks::number.eq(chunk.number as i32),
            submission_chunks::id.eq(chunk.id),
            submission_chunks::first.eq(chunk.first as i32),
            submission_chunks::count.eq(chunk.count as i32),
            submission_chunks::entries.eq(&chunk.entries),
        ))
        .execute(connection)
        .await?;
    Ok(())
}

/// Shows it to everybody: from now on it will be worked off.
pub(super) async fn accept(
    connection: &mut AsyncPgConnection,
    id: Uuid,
    total: usize,
    options: &str,
) -> Result<Stored, DatabaseError> {
    let now = Utc::now();
    diesel::update(submissions::table.find(id))
        .set((
            submissions::total.eq(total as i32),
            submissions::options.eq(options),
            submissions::accepted_at.eq(now),
            submissions::due_at.eq(now),
        ))
        .execute(connection)
        .await?;
    Ok(Stored::query().filter(submissions::id.eq(id)).first(connection).await?)
}

/// Removes a submission that was not accepted.
pub(super) async fn discard(
    connection: &mut AsyncPgConnection,
    id: Uuid,
) -> Result<(), DatabaseError> {
    let unaccepted = submissions::table.find(id).filter(submissions::accepted_at.is_null());
    diesel::delete(unaccepted).execute(connection).await?;
    Ok(())
}

/// How many leads of the workspace wait. In a transaction, nobody else adds to them until its end.
pub(super) async fn waiting(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
) -> Result<i64, DatabaseError> {
    let (high, low) = workspace_id.as_u64_pair();
    diesel::sql_query("SELECT pg_advisory_xact_lock($1, $2)")
        .bind::<Integer, _>(LOCK_SPACE)
        .bind::<Integer, _>((high ^ low) as i32)
        .execute(connection)
        .await?;
    let unfinished =
        submissions::workspace_id.eq(workspace_id).and(submissions::due_at.is_not_null());
    let waiting: Option<i64> = submissions::table
        .filter(unfinished)
        .select(diesel::dsl::sum(submissions::total - submissions::processed))
        .first(connection)
        .await?;
    Ok(waiting.unwrap_or_default())
}

/// A submission of the workspace.
pub(crate) async fn find(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
    id: Uuid,
) -> Result<Option<Stored>, DatabaseError> {
    let of_workspace = submissions::workspace_id
        .eq(workspace_id)
        .and(submissions::id.eq(id))
        .and(submissions::accepted_at.is_not_null());
    Ok(Stored::query().filter(of_workspace).first(connection).await.optional()?)
}

/// The workspace's submissions, newest first.
pub(super) async fn list(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
    range: Range,
) -> Result<Page<Stored>, DatabaseError> {
    let of_workspace =
        submissions::workspace_id.eq(workspace_id).and(submissions::accepted_at.is_not_null());
    let total = submissions::table.filter(of_workspace).count().get_result(connection).await?;
    let mut rows = Stored::query().filter(of_workspace).into_boxed();
    if let Some(after) = range.after {
        rows = rows.filter(submissions::id.lt(after));
    }
    let rows = rows.order(submissions::id.desc()).limit(range.look_ahead()).offset(range.offset);
    let rows = connection
        .transaction(async |on| {
            on.batch_execute(ALONG_INDEX).await?;
            rows.load(on).await
        })
        .await?;
    Ok(range.page(rows, total, |stored: &Stored| stored.id))
}

/// Removes one portion of what was finished long ago, or never arrived whole, and says how many
/// that were.
pub async fn purge(connection: &mut AsyncPgConnection) -> Result<usize, DatabaseError> {
    let removed = diesel::sql_query(
        "DELETE FROM gateway.submissions WHERE id = ANY (ARRAY( \
             SELECT id FROM gateway.submissions \
             WHERE finished_at < now() - make_interval(days => $1) \
                 OR (accepted_at IS NULL AND created_at < now() - make_interval(hours => $2)) \
             LIMIT $3))",
    )
    .bind::<Integer, _>(KEEP_DAYS)
    .bind::<Integer, _>(ARRIVING_HOURS)
    .bind::<BigInt, _>(PURGE_ROWS)
    .execute(connection)
    .await?;
    Ok(removed)
}

/// What is kept as JSON in a column.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String, DatabaseError> {
    serde_json::to_string(value).map_err(|error| DatabaseError::Failed(error.to_string()))
}
