//! How many leads are in each campaign.

use std::time::Duration;

use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared::{
    crash,
    database::{Database, DatabaseError},
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Between two folds. Until then a reader adds up what came meanwhile: a row for each batch.
const INTERVAL: Duration = Duration::from_secs(2);
/// Differences that one fold takes at the most, to stay a short transaction.
const PORTION: i64 = 10_000;

/// Folds differences into counts, now and again, until stopped.
pub async fn keep_folding(database: Database, stop: CancellationToken) {
    while !stop.is_cancelled() {
        crash::point("campaign-service::folding");
        let folded = async { fold(&mut *database.connection().await?).await };
        let Some(folded) = stop.run_until_cancelled(folded).await else { return };
        match folded {
            Ok(PORTION) => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the counts of campaigns were not folded"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(INTERVAL) => {}
        }
    }
}

/// Folds one portion of differences into the counts, in one statement, so that nobody sees them
/// twice or not at all. Several may do it at once: they pass over each other's rows, and change
/// counts in the order of their keys. Says how many differences there were.
///
/// # Errors
/// When the database cannot be asked.
pub async fn fold(connection: &mut AsyncPgConnection) -> Result<i64, DatabaseError> {
    #[derive(diesel::QueryableByName)]
    struct Folded {
        #[diesel(sql_type = BigInt)]
        folded: i64,
    }
    let folded: Folded = diesel::sql_query(
        "WITH folded AS ( \
             DELETE FROM campaign.link_deltas WHERE ctid = ANY (ARRAY( \
                 SELECT ctid FROM campaign.link_deltas LIMIT $1 FOR UPDATE SKIP LOCKED)) \
             RETURNING workspace_id, campaign_id, leads \
         ), counted AS ( \
             INSERT INTO campaign.link_counts AS c (workspace_id, campaign_id, leads) \
             SELECT workspace_id, campaign_id, sum(leads) FROM folded \
             GROUP BY workspace_id, campaign_id ORDER BY workspace_id, campaign_id \
             ON CONFLICT (workspace_id, campaign_id) DO UPDATE SET leads = c.leads + EXCLUDED.leads \
         ) SELECT count(*) AS folded FROM folded",
    )
    .bind::<BigInt, _>(PORTION)
    .get_result(connection)
    .await?;
    Ok(folded.folded)
}
