//! Which lead is in which campaign.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Integer, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared::{
    array_statement,
    contract::{CampaignLead, Page, Range},
    database::DatabaseError,
};
use uuid::Uuid;

diesel::table! {
    campaign.links (workspace_id, campaign_id, lead_id) {
        workspace_id -> Uuid,
        campaign_id -> Uuid,
        lead_id -> Uuid,
        submission_id -> Uuid,
        entry -> Integer,
        added_at -> Timestamptz,
    }
}

array_statement! {
    /// Adds links, which must be sorted by their key: two batches then never wait for each other.
    /// A link that is there already stays as it is.
    pub struct InsertLinks<'a> {
        workspaces: SqlUuid => Uuid,
        campaigns: SqlUuid => Uuid,
        leads: SqlUuid => Uuid,
        submissions: SqlUuid => Uuid,
        entries: Integer => i32,
    }
    sql(
        "INSERT INTO campaign.links (workspace_id, campaign_id, lead_id, submission_id, entry) \
         SELECT * FROM unnest(",
        ") ON CONFLICT DO NOTHING",
    )
}

array_statement! {
    /// Key and mark of existing links.
    pub struct FindLinks<'a> {
        workspaces: SqlUuid => Uuid,
        campaigns: SqlUuid => Uuid,
        leads: SqlUuid => Uuid,
    }
    sql(
        "SELECT l.workspace_id, l.campaign_id, l.lead_id, l.submission_id, l.entry FROM unnest(",
        ") AS k (workspace_id, campaign_id, lead_id) \
         JOIN campaign.links l ON l.workspace_id = k.workspace_id \
             AND l.campaign_id = k.campaign_id AND l.lead_id = k.lead_id",
    )
    -> (SqlUuid, SqlUuid, SqlUuid, SqlUuid, Integer)
}

/// A page of a campaign's links, in the order in which their leads were made.
///
/// # Errors
/// When the database cannot be asked.
pub async fn list_links(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
    campaign_id: Uuid,
    range: Range,
) -> Result<Page<CampaignLead>, DatabaseError> {
    let of_campaign = || {
        links::table
            .filter(links::workspace_id.eq(workspace_id).and(links::campaign_id.eq(campaign_id)))
    };
    let total = of_campaign().count().get_result(connection).await?;
    let mut rows = of_campaign().select((links::lead_id, links::added_at)).into_boxed();
    if let Some(after) = range.after {
        rows = rows.filter(links::lead_id.gt(after));
    }
    let rows: Vec<(Uuid, DateTime<Utc>)> = rows
        .order(links::lead_id)
        .limit(range.look_ahead())
        .offset(range.offset)
        .load(connection)
        .await?;
    let rows =
        rows.into_iter().map(|(lead_id, added_at)| CampaignLead { lead_id, added_at }).collect();
    Ok(range.page(rows, total, |link| link.lead_id))
}
