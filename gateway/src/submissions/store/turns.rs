//! Whose turn it is, and what came of it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::{
    dsl,
    prelude::*,
    sql_types::{BigInt, Integer, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use shared::{
    contract::Summary,
    database::{DatabaseError, from_now},
};
use uuid::Uuid;

use super::{super::outcome::Outcome, json, submission_chunks, submissions};
use crate::callbacks;

/// A submission that is to be worked on.
#[derive(Debug, QueryableByName)]
pub(in super::super) struct Turn {
    #[diesel(sql_type = SqlUuid)]
    pub(in super::super) id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub(in super::super) workspace_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub(in super::super) campaign_id: Uuid,
    #[diesel(sql_type = Text)]
    pub(in super::super) options: String,
    /// The chunk to send.
    #[diesel(sql_type = Integer)]
    pub(in super::super) next_chunk: i32,
    #[diesel(sql_type = Integer)]
    pub(in super::super) attempts: i32,
}

/// Entries that are to be sent.
#[derive(Debug, HasQuery)]
#[diesel(table_name = submission_chunks)]
pub(in super::super) struct Chunk {
    pub(in super::super) id: Uuid,
    pub(in super::super) count: i32,
    pub(in super::super) entries: String,
}

/// Takes the submission whose turn it is: of the workspace that had none for the longest time, and
/// there the one that had none. Nobody else takes it for so long.
pub(in super::super) async fn claim(
    connection: &mut AsyncPgConnection,
    lease: Duration,
) -> Result<Option<Turn>, DatabaseError> {
    let turn = diesel::sql_query(
        "UPDATE gateway.submissions \
         SET due_at = now() + $1 * interval '1 millisecond', served_at = clock_timestamp() \
         WHERE id = ( \
             SELECT s.id FROM gateway.submissions s WHERE s.due_at <= now() \
             ORDER BY (SELECT max(o.served_at) FROM gateway.submissions o \
                       WHERE o.workspace_id = s.workspace_id) NULLS FIRST, \
                 s.served_at NULLS FIRST, s.id \
             LIMIT 1 FOR UPDATE SKIP LOCKED) \
         RETURNING id, workspace_id, campaign_id, options, next_chunk, attempts",
    )
    .bind::<BigInt, _>(lease.as_millis() as i64)
    .get_result(connection)
    .await
    .optional()?;
    Ok(turn)
}

/// Keeps a submission for so long from now: while work on it takes, or before it is tried again.
pub(in super::super) async fn hold(
    connection: &mut AsyncPgConnection,
    turn: &Turn,
    lease: Duration,
    attempts: i32,
) -> Result<(), DatabaseError> {
    let same_turn =
        submissions::next_chunk.eq(turn.next_chunk).and(submissions::due_at.is_not_null());
    diesel::update(submissions::table.find(turn.id).filter(same_turn))
        .set((submissions::due_at.eq(from_now(lease)), submissions::attempts.eq(attempts)))
        .execute(connection)
        .await?;
    Ok(())
}

/// The chunk to send.
pub(in super::super) async fn chunk(
    connection: &mut AsyncPgConnection,
    turn: &Turn,
) -> Result<Chunk, DatabaseError> {
    let key = submission_chunks::submission_id
        .eq(turn.id)
        .and(submission_chunks::number.eq(turn.next_chunk));
    Ok(Chunk::query().filter(key).first(connection).await?)
}

/// Keeps what became of a chunk and passes on to the next; the last one finishes the submission,
/// and makes its callback due. Says whether it was the last. Does nothing where somebody else did it.
pub(in super::super) async fn finish(
    connection: &mut AsyncPgConnection,
    turn: &Turn,
    outcome: &Outcome,
) -> Result<bool, DatabaseError> {
    connection
        .transaction(async |connection| {
            let (next_chunk, summary, total): (i32, String, i32) = submissions::table
                .find(turn.id)
                .select((submissions::next_chunk, submissions::summary, submissions::total))
                .for_update()
                .first(connection)
                .await?;
            if next_chunk != turn.next_chunk {
                return Ok(false);
            }
            diesel::update(submission_chunks::table.find((turn.id, turn.next_chunk)))
                .set((
                    submission_chunks::entries.eq(&outcome.failed_entries),
                    submission_chunks::failed.eq(outcome.summary.failed as i32),
                    submission_chunks::results.eq(&outcome.results),
                    submission_chunks::error.eq(&outcome.error),
                ))
                .execute(connection)
                .await?;
            let mut summary: Summary = serde_json::from_str(&summary)
                .map_err(|error| DatabaseError::Failed(error.to_string()))?;
            summary.add(&outcome.summary);
            let done = summary.total >= total as usize;
            // By the database's clock, which all gateways share.
            let now: DateTime<Utc> =
                diesel::select(dsl::now.into_sql::<Timestamptz>()).get_result(connection).await?;
            diesel::update(submissions::table.find(turn.id))
                .set((
                    submissions::next_chunk.eq(next_chunk + 1),
                    submissions::processed.eq(summary.total as i32),
                    submissions::summary.eq(json(&summary)?),
                    submissions::attempts.eq(0),
                    submissions::due_at.eq((!done).then_some(now)),
                    submissions::finished_at.eq(done.then_some(now)),
                ))
                .execute(connection)
                .await?;
            if done {
                callbacks::store::start(connection, turn.id).await?;
            }
            Ok(done)
        })
        .await
}
