//! Taking leads out of campaigns.
//!
//! A removed link stays as a row, because the primary key is what settles races: a replay of the
//! submission that had added the lead comes upon it, and answers `added` again without adding. Only
//! a submission that came after the removal adds the lead anew (see [`crate::linker`]).

use diesel::sql_types::{Array, BigInt, Bool, Integer, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared::{array_statement, database::DatabaseError, purge};
use uuid::Uuid;

/// Days that a removal is remembered: as long as the lead service remembers what submissions were
/// answered, and so from the removal on longer than any of those that came before it.
const KEEP_DAYS: i32 = 7;

array_statement! {
    /// Who had added leads that were removed since, of the submissions asked for.
    pub struct FindRemovals<'a> {
        workspaces: SqlUuid => Uuid,
        campaigns: SqlUuid => Uuid,
        leads: SqlUuid => Uuid,
        submissions: SqlUuid => Uuid,
    }
    sql(
        "SELECT r.workspace_id, r.campaign_id, r.lead_id, r.submission_id, r.entry FROM unnest(",
        ") AS k (workspace_id, campaign_id, lead_id, submission_id) \
         JOIN campaign.removals r ON r.workspace_id = k.workspace_id \
             AND r.campaign_id = k.campaign_id AND r.lead_id = k.lead_id \
             AND r.submission_id = k.submission_id",
    )
    -> (SqlUuid, SqlUuid, SqlUuid, SqlUuid, Integer)
}

/// Takes a lead out of a campaign. Doing it again with the same id changes nothing and answers the
/// same; `false` when the lead is not in the campaign.
///
/// # Errors
/// When the database cannot be asked.
pub async fn remove_lead(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
    campaign_id: Uuid,
    lead_id: Uuid,
    id: Uuid,
) -> Result<bool, DatabaseError> {
    #[derive(diesel::QueryableByName)]
    struct Removed {
        #[diesel(sql_type = Bool)]
        removed: bool,
    }
    let removed: Removed = diesel::sql_query(
        "WITH gone AS ( \
             UPDATE campaign.links SET removed_at = clock_timestamp() \
             WHERE workspace_id = $1 AND campaign_id = $2 AND lead_id = $3 \
                 AND removed_at IS NULL \
             RETURNING submission_id, entry, removed_at \
         ), remembered AS ( \
             INSERT INTO campaign.removals (workspace_id, campaign_id, lead_id, submission_id, \
                 entry, id, removed_at) \
             SELECT $1, $2, $3, submission_id, entry, $4, removed_at FROM gone \
         ), counted AS ( \
             INSERT INTO campaign.link_deltas (workspace_id, campaign_id, leads) \
             SELECT $1, $2, -1 FROM gone \
         ) SELECT EXISTS (SELECT FROM gone) OR EXISTS ( \
             SELECT FROM campaign.removals WHERE workspace_id = $1 AND campaign_id = $2 \
                 AND lead_id = $3 AND id = $4) AS removed",
    )
    .bind::<SqlUuid, _>(workspace_id)
    .bind::<SqlUuid, _>(campaign_id)
    .bind::<SqlUuid, _>(lead_id)
    .bind::<SqlUuid, _>(id)
    .get_result(connection)
    .await?;
    Ok(removed.removed)
}

/// Takes deleted leads out of all campaigns of their workspace.
///
/// # Errors
/// When the database cannot be asked.
pub async fn remove_everywhere(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
    lead_ids: &[Uuid],
) -> Result<(), DatabaseError> {
    // Campaign by campaign: an index of links by lead would cost every link that is added.
    diesel::sql_query(
        "WITH gone AS ( \
             UPDATE campaign.links SET removed_at = clock_timestamp() \
             WHERE workspace_id = $1 AND lead_id = ANY ($2) AND removed_at IS NULL \
                 AND campaign_id = ANY (ARRAY( \
                     SELECT id FROM campaign.campaigns WHERE workspace_id = $1)) \
             RETURNING campaign_id, lead_id, submission_id, entry, removed_at \
         ), remembered AS ( \
             INSERT INTO campaign.removals (workspace_id, campaign_id, lead_id, submission_id, \
                 entry, id, removed_at) \
             SELECT $1, campaign_id, lead_id, submission_id, entry, lead_id, removed_at FROM gone \
         ) \
         INSERT INTO campaign.link_deltas (workspace_id, campaign_id, leads) \
         SELECT $1, campaign_id, -count(*) FROM gone GROUP BY campaign_id",
    )
    .bind::<SqlUuid, _>(workspace_id)
    .bind::<Array<SqlUuid>, _>(lead_ids)
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets one portion of what is older than [`KEEP_DAYS`], the links too unless they were added
/// again, and says how many rows that were.
///
/// # Errors
/// When the database cannot be asked.
pub async fn purge_removals(connection: &mut AsyncPgConnection) -> Result<usize, DatabaseError> {
    #[derive(diesel::QueryableByName)]
    struct Purged {
        #[diesel(sql_type = BigInt)]
        purged: i64,
    }
    let purged: Purged = diesel::sql_query(
        "WITH old AS ( \
             DELETE FROM campaign.removals WHERE ctid = ANY (ARRAY( \
                 SELECT ctid FROM campaign.removals \
                 WHERE removed_at < now() - make_interval(days => $1) LIMIT $2)) \
             RETURNING workspace_id, campaign_id, lead_id, removed_at \
         ), gone AS ( \
             DELETE FROM campaign.links l USING old \
             WHERE l.workspace_id = old.workspace_id AND l.campaign_id = old.campaign_id \
                 AND l.lead_id = old.lead_id AND l.removed_at = old.removed_at \
         ) SELECT count(*) AS purged FROM old",
    )
    .bind::<Integer, _>(KEEP_DAYS)
    .bind::<BigInt, _>(purge::ROWS)
    .get_result(connection)
    .await?;
    Ok(usize::try_from(purged.purged).unwrap_or_default())
}
