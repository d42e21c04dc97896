//! Which lead is in which campaign: the statements of the pipeline.

use chrono::{DateTime, Utc};
use diesel::{
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{Array, BigInt, Bool, Integer, Nullable, Timestamptz, Uuid as SqlUuid},
};
use shared::array_statement;
use uuid::Uuid;

/// Links to add, and the campaigns that they belong to: two sets of arrays, so that a campaign is looked
/// up once however many links it gets. The links must be sorted by their key: two batches then never
/// wait for each other.
#[derive(Default)]
pub struct NewLinks {
    pub workspaces: Vec<Uuid>,
    pub campaigns: Vec<Uuid>,
    /// The places of each campaign's first and last link, from 1.
    pub firsts: Vec<i32>,
    pub lasts: Vec<i32>,
    pub leads: Vec<Uuid>,
    pub submissions: Vec<Uuid>,
    pub entries: Vec<i32>,
}

/// Adds links to those of their campaigns that exist and are not archived, and counts them. A link that
/// is there already, even a removed one, stays as it is; where they are `PRESUMED` to be new, it violates
/// the primary key, and nothing is added. That takes a third less time (docs/performance.md).
///
/// Answers one row for each campaign that exists: since when it is archived, and how many links
/// were added to all of them together.
pub struct AddLinks<'a, const PRESUMED: bool>(pub &'a NewLinks);

/// Workspace and id of a campaign, since when it is archived, and the number of all links added.
pub type AddedRow = (Uuid, Uuid, Option<DateTime<Utc>>, i64);

impl<const PRESUMED: bool> QueryId for AddLinks<'_, PRESUMED> {
    type QueryId = AddLinks<'static, PRESUMED>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const PRESUMED: bool> Query for AddLinks<'_, PRESUMED> {
    type SqlType = (SqlUuid, SqlUuid, Nullable<Timestamptz>, BigInt);
}

impl<const PRESUMED: bool> QueryFragment<Pg> for AddLinks<'_, PRESUMED> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let links = self.0;
        out.push_sql("WITH named AS (SELECT k.*, c.archived_at FROM unnest(");
        out.push_bind_param::<Array<SqlUuid>, _>(&links.workspaces)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<SqlUuid>, _>(&links.campaigns)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Integer>, _>(&links.firsts)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Integer>, _>(&links.lasts)?;
        out.push_sql(
            ") AS k (workspace_id, campaign_id, head, tail) \
             JOIN campaign.campaigns c ON c.workspace_id = k.workspace_id AND c.id = k.campaign_id \
             ), added AS ( \
             INSERT INTO campaign.links (workspace_id, campaign_id, lead_id, submission_id, entry) \
             SELECT n.workspace_id, n.campaign_id, l.lead_id, l.submission_id, l.entry \
             FROM named n CROSS JOIN LATERAL unnest((",
        );
        out.push_bind_param::<Array<SqlUuid>, _>(&links.leads)?;
        out.push_sql(")[n.head:n.tail], (");
        out.push_bind_param::<Array<SqlUuid>, _>(&links.submissions)?;
        out.push_sql(")[n.head:n.tail], (");
        out.push_bind_param::<Array<Integer>, _>(&links.entries)?;
        out.push_sql(
            ")[n.head:n.tail]) AS l (lead_id, submission_id, entry) WHERE n.archived_at IS NULL ",
        );
        if !PRESUMED {
            out.push_sql("ON CONFLICT DO NOTHING ");
        }
        out.push_sql(
            "RETURNING workspace_id, campaign_id \
             ), counted AS ( \
             INSERT INTO campaign.link_deltas (workspace_id, campaign_id, leads) \
             SELECT workspace_id, campaign_id, count(*) FROM added \
             GROUP BY workspace_id, campaign_id RETURNING leads \
             ) SELECT workspace_id, campaign_id, archived_at, \
             (SELECT coalesce(sum(leads), 0)::bigint FROM counted) FROM named",
        );
        Ok(())
    }
}

array_statement! {
    /// Key and mark of existing links, when they were removed, and whether they were added again.
    pub struct FindLinks<'a> {
        workspaces: SqlUuid => Uuid,
        campaigns: SqlUuid => Uuid,
        leads: SqlUuid => Uuid,
    }
    sql(
        "SELECT l.workspace_id, l.campaign_id, l.lead_id, l.submission_id, l.entry, \
             l.removed_at, l.readded FROM unnest(",
        ") AS k (workspace_id, campaign_id, lead_id) \
         JOIN campaign.links l ON l.workspace_id = k.workspace_id \
             AND l.campaign_id = k.campaign_id AND l.lead_id = k.lead_id",
    )
    -> (SqlUuid, SqlUuid, SqlUuid, SqlUuid, Integer, Nullable<Timestamptz>, Bool)
}

array_statement! {
    /// Adds removed links again, unless somebody else did, or the campaign is archived and the
    /// submission had not begun before. Counts them. Sorted like new ones.
    pub struct ReaddLinks<'a> {
        workspaces: SqlUuid => Uuid,
        campaigns: SqlUuid => Uuid,
        leads: SqlUuid => Uuid,
        submissions: SqlUuid => Uuid,
        entries: Integer => i32,
        removed: Timestamptz => DateTime<Utc>,
        begun: Bool => bool,
    }
    sql(
        "WITH readded AS ( \
             UPDATE campaign.links l SET submission_id = k.submission_id, entry = k.entry, \
                 readded = true, added_at = now(), removed_at = NULL \
             FROM unnest(",
        ") AS k (workspace_id, campaign_id, lead_id, submission_id, entry, removed_at, begun) \
             JOIN campaign.campaigns c ON c.workspace_id = k.workspace_id AND c.id = k.campaign_id \
                 AND (c.archived_at IS NULL OR k.begun) \
             WHERE l.workspace_id = k.workspace_id AND l.campaign_id = k.campaign_id \
                 AND l.lead_id = k.lead_id AND l.removed_at = k.removed_at \
             RETURNING l.workspace_id, l.campaign_id) \
         INSERT INTO campaign.link_deltas (workspace_id, campaign_id, leads) \
         SELECT workspace_id, campaign_id, count(*) FROM readded GROUP BY workspace_id, campaign_id",
    )
}
