//! Forgetting by and by what is only kept for a while.

use std::time::Duration;

use diesel::sql_types::{BigInt, Double};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::BoxFuture;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    crash,
    database::{Database, DatabaseError},
};

/// A day, for ages.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Between two purges; replicas may purge at once without harm.
const INTERVAL: Duration = Duration::from_secs(600);
/// Between two portions of a purge, so that everybody else keeps their turn.
const PAUSE: Duration = Duration::from_millis(100);

/// Rows that one portion has at the most, to stay a short transaction.
pub const ROWS: i64 = 10_000;

/// Removes one portion of what is old, in a short transaction, and says how many rows that were.
pub type Portion =
    for<'a> fn(&'a mut AsyncPgConnection) -> BoxFuture<'a, Result<usize, DatabaseError>>;

/// Removes portion after portion until there is nothing old left, now and again, until stopped.
pub async fn run(database: Database, stop: CancellationToken, portion: Portion) {
    loop {
        crash::point("purge");
        let purged = stop.run_until_cancelled(purge_once(&database, portion)).await;
        let Some(purged) = purged else { return };
        let removed = purged.unwrap_or_else(|error| {
            tracing::warn!(%error, "old rows were not purged");
            0
        });
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(if removed > 0 { PAUSE } else { INTERVAL }) => {}
        }
    }
}

async fn purge_once(database: &Database, portion: Portion) -> Result<usize, DatabaseError> {
    portion(&mut *database.connection().await?).await
}

/// Removes one portion of a table's rows that are older than this, by the column that says since when
/// they are there, and says how many rows that were.
///
/// # Errors
/// When the database cannot be asked.
pub async fn remove(
    connection: &mut AsyncPgConnection,
    table: &'static str,
    since: &'static str,
    age: Duration,
) -> Result<usize, DatabaseError> {
    let removed = diesel::sql_query(format!(
        "DELETE FROM {table} WHERE ctid = ANY (ARRAY( \
             SELECT ctid FROM {table} WHERE {since} < now() - make_interval(secs => $1) LIMIT $2))"
    ))
    .bind::<Double, _>(age.as_secs_f64())
    .bind::<BigInt, _>(ROWS)
    .execute(connection)
    .await?;
    Ok(removed)
}
