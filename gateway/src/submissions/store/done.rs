//! Chunks that were worked on.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared::database::DatabaseError;
use uuid::Uuid;

use super::submission_chunks;

/// What became of a chunk.
#[derive(Debug, HasQuery)]
#[diesel(table_name = submission_chunks)]
pub(in super::super) struct DoneChunk {
    pub(in super::super) number: i32,
    pub(in super::super) first: i32,
    pub(in super::super) count: i32,
    /// The entries that failed.
    pub(in super::super) entries: String,
    pub(in super::super) results: Option<String>,
    pub(in super::super) error: Option<String>,
}

/// The chunks that hold results from one place to before another.
pub(in super::super) async fn between(
    connection: &mut AsyncPgConnection,
    submission_id: Uuid,
    start: i64,
    end: i64,
) -> Result<Vec<DoneChunk>, DatabaseError> {
    let (start, end) = (to_i32(start), to_i32(end));
    let touched = submission_chunks::submission_id
        .eq(submission_id)
        .and(submission_chunks::first.lt(end))
        .and((submission_chunks::first + submission_chunks::count).gt(start))
        .and(is_done());
    Ok(DoneChunk::query().filter(touched).order(submission_chunks::number).load(connection).await?)
}

/// The next chunk behind this one in which an entry failed.
pub(in super::super) async fn next_with_failures(
    connection: &mut AsyncPgConnection,
    submission_id: Uuid,
    behind: i32,
) -> Result<Option<DoneChunk>, DatabaseError> {
    let next = submission_chunks::submission_id
        .eq(submission_id)
        .and(submission_chunks::number.gt(behind))
        .and(submission_chunks::failed.gt(0));
    let chunk = DoneChunk::query()
        .filter(next)
        .order(submission_chunks::number)
        .first(connection)
        .await
        .optional()?;
    Ok(chunk)
}

#[diesel::dsl::auto_type(no_type_alias)]
fn is_done() -> _ {
    submission_chunks::results.is_not_null().or(submission_chunks::error.is_not_null())
}

/// Places beyond all entries are all the same.
fn to_i32(place: i64) -> i32 {
    i32::try_from(place).unwrap_or(i32::MAX)
}
