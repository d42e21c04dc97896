//! Whether leads are in other campaigns of their workspace.
//!
//! Subqueries that stop at the first row are not joined in another order. So each lead is looked for
//! through the whole primary key, campaign by campaign, and not among all links of the workspace, which
//! on tables without statistics looks as good to the planner.

use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use shared::array_statement;
use uuid::Uuid;

array_statement! {
    /// How many campaigns each workspace has.
    pub struct CountCampaigns<'a> {
        workspaces: SqlUuid => Uuid,
    }
    sql(
        "SELECT k.workspace_id, c.campaigns FROM unnest(",
        ") AS k (workspace_id) CROSS JOIN LATERAL ( \
             SELECT count(*) AS campaigns FROM campaign.campaigns c \
             WHERE c.workspace_id = k.workspace_id) AS c",
    )
    -> (SqlUuid, BigInt)
}

array_statement! {
    /// Those of the leads, named with a campaign, that are in another campaign and not in that one.
    pub struct InOtherCampaigns<'a> {
        workspaces: SqlUuid => Uuid,
        campaigns: SqlUuid => Uuid,
        leads: SqlUuid => Uuid,
    }
    sql(
        "SELECT k.workspace_id, k.campaign_id, k.lead_id FROM unnest(",
        ") AS k (workspace_id, campaign_id, lead_id) \
         LEFT JOIN LATERAL ( \
             SELECT true AS linked FROM campaign.links l WHERE l.workspace_id = k.workspace_id \
                 AND l.campaign_id = k.campaign_id AND l.lead_id = k.lead_id \
                 AND l.removed_at IS NULL LIMIT 1) AS own ON true \
         CROSS JOIN LATERAL ( \
             SELECT FROM campaign.campaigns c CROSS JOIN LATERAL ( \
                 SELECT FROM campaign.links l WHERE l.workspace_id = c.workspace_id \
                     AND l.campaign_id = c.id AND l.lead_id = k.lead_id \
                     AND l.removed_at IS NULL LIMIT 1) AS linked \
             WHERE c.workspace_id = k.workspace_id LIMIT 1) AS other \
         WHERE own.linked IS NULL",
    )
    -> (SqlUuid, SqlUuid, SqlUuid)
}
