//! Waiting for statements that may still link by what a campaign was before.

use std::time::Duration;

use diesel::{
    QueryableByName,
    sql_types::{Array, Bool, Text},
};
use diesel_async::RunQueryDsl;
use shared::{
    database::{Database, DatabaseError},
    worker::pauses,
};
use tokio::time::{Instant, sleep};

/// Less than a request may take: whoever asked asks again.
const PATIENCE: Duration = Duration::from_secs(8);

/// The locks that a statement which adds links holds on their table until its end. It takes them
/// before its snapshot, so one whose snapshot is older than now shows here.
macro_rules! linking {
    () => {
        "FROM pg_locks WHERE relation = 'campaign.links'::regclass \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         AND mode = 'RowExclusiveLock' AND granted"
    };
}

/// Waits until every statement that was adding links has ended, as `CREATE INDEX CONCURRENTLY`
/// waits. Those that begin meanwhile see what has been committed by now, and are not waited for;
/// and they wait for nobody, which a lock would make them do.
///
/// # Errors
/// When the database cannot be asked, or a statement does not end.
pub async fn wait_for_links(database: &Database) -> Result<(), DatabaseError> {
    #[derive(QueryableByName)]
    struct Transaction {
        #[diesel(sql_type = Text)]
        virtualtransaction: String,
    }
    #[derive(QueryableByName)]
    struct Pending {
        #[diesel(sql_type = Bool)]
        pending: bool,
    }
    let begun: Vec<Transaction> =
        diesel::sql_query(concat!("SELECT DISTINCT virtualtransaction ", linking!()))
            .load(&mut *database.connection().await?)
            .await?;
    if begun.is_empty() {
        return Ok(());
    }
    let begun: Vec<_> = begun.into_iter().map(|begun| begun.virtualtransaction).collect();
    let deadline = Instant::now() + PATIENCE;
    for pause in pauses() {
        let still = diesel::sql_query(concat!(
            "SELECT EXISTS (SELECT ",
            linking!(),
            " AND virtualtransaction = ANY ($1)) AS pending"
        ));
        let still = still.bind::<Array<Text>, _>(&begun);
        let still: Pending = still.get_result(&mut *database.connection().await?).await?;
        if !still.pending {
            return Ok(());
        }
        if Instant::now() > deadline {
            break;
        }
        sleep(pause).await;
    }
    Err(DatabaseError::Unavailable("links are being added for too long".to_owned()))
}
