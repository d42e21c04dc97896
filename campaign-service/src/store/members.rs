//! The leads in a campaign, listed.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use shared::{
    contract::{Campaign, CampaignLead, Page, Range},
    database::{ALONG_INDEX, DatabaseError},
};
use uuid::Uuid;

diesel::table! {
    campaign.links (workspace_id, campaign_id, lead_id) {
        workspace_id -> Uuid,
        campaign_id -> Uuid,
        lead_id -> Uuid,
        added_at -> Timestamptz,
        removed_at -> Nullable<Timestamptz>,
    }
}

/// A page of a campaign's links, in the order in which their leads were made.
///
/// # Errors
/// When the database cannot be asked.
pub async fn list_members(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
    campaign: &Campaign,
    range: Range,
) -> Result<Page<CampaignLead>, DatabaseError> {
    let of_campaign = links::workspace_id.eq(workspace_id).and(links::campaign_id.eq(campaign.id));
    let mut rows = links::table
        .filter(of_campaign.and(links::removed_at.is_null()))
        .select((links::lead_id, links::added_at))
        .into_boxed();
    if let Some(after) = range.after {
        rows = rows.filter(links::lead_id.gt(after));
    }
    let rows = rows.order(links::lead_id).limit(range.look_ahead()).offset(range.offset);
    let rows: Vec<(Uuid, DateTime<Utc>)> = connection
        .transaction(async |on| {
            on.batch_execute(ALONG_INDEX).await?;
            rows.load(on).await
        })
        .await?;
    let rows =
        rows.into_iter().map(|(lead_id, added_at)| CampaignLead { lead_id, added_at }).collect();
    Ok(range.page(rows, campaign.leads, |link| link.lead_id))
}

/// Those of these leads that are in a campaign, in no order.
///
/// # Errors
/// When the database cannot be asked.
pub async fn members_among(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
    campaign_id: Uuid,
    lead_ids: &[Uuid],
) -> Result<Vec<CampaignLead>, DatabaseError> {
    let of_campaign = links::workspace_id.eq(workspace_id).and(links::campaign_id.eq(campaign_id));
    let rows = links::table
        .filter(of_campaign.and(links::lead_id.eq_any(lead_ids)).and(links::removed_at.is_null()))
        .select((links::lead_id, links::added_at));
    let rows: Vec<(Uuid, DateTime<Utc>)> = rows.load(connection).await?;
    Ok(rows.into_iter().map(|(lead_id, added_at)| CampaignLead { lead_id, added_at }).collect())
}
