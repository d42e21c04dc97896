//! Forgetting by and by what is only kept for a while.

use std::time::Duration;

use diesel_async::AsyncPgConnection;
use futures_util::future::BoxFuture;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::database::{Database, DatabaseError};

/// Between two purges; replicas may purge at once without harm.
const INTERVAL: Duration = Duration::from_secs(600);
/// Between two portions of a purge, so that everybody else keeps their turn.
const PAUSE: Duration = Duration::from_millis(100);

/// Removes one portion of what is old, in a short transaction, and says how many rows that were.
pub type Portion =
    for<'a> fn(&'a mut AsyncPgConnection) -> BoxFuture<'a, Result<usize, DatabaseError>>;

/// Removes portion after portion until there is nothing old left, now and again, until stopped.
pub async fn run(database: Database, stop: CancellationToken, portion: Portion) {
    loop {
        let removed = purge_once(&database, portion).await.unwrap_or_else(|error| {
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
