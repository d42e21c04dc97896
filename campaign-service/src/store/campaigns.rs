//! Campaigns.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use shared::{
    contract::{Campaign, CampaignStatus, Page, Range},
    database::DatabaseError,
};
use uuid::Uuid;

diesel::table! {
    campaign.campaigns (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        name -> Text,
        status -> Text,
        archived_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// The same, each with the number of its leads.
    campaign.counted_campaigns (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        name -> Text,
        status -> Text,
        created_at -> Timestamptz,
        leads -> BigInt,
    }
}

#[derive(HasQuery)]
#[diesel(table_name = counted_campaigns)]
struct CampaignRow {
    id: Uuid,
    name: String,
    status: String,
    created_at: DateTime<Utc>,
    leads: i64,
}

impl TryFrom<CampaignRow> for Campaign {
    type Error = DatabaseError;

    fn try_from(row: CampaignRow) -> Result<Self, DatabaseError> {
        let status = CampaignStatus::from_str(&row.status)
            .map_err(|()| DatabaseError::Failed(format!("unknown status {}", row.status)))?;
        let CampaignRow { id, name, created_at, leads, .. } = row;
        Ok(Self { id, name, status, created_at, leads })
    }
}

/// Makes a campaign. Doing it again with the same id changes nothing and answers the same.
///
/// # Errors
/// When the database cannot be asked.
pub async fn create_campaign(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
    id: Uuid,
    name: &str,
    status: CampaignStatus,
) -> Result<Campaign, DatabaseError> {
    diesel::insert_into(campaigns::table)
        .values((
            campaigns::workspace_id.eq(workspace_id),
            campaigns::id.eq(id),
            campaigns::name.eq(name),
            campaigns::status.eq(status.as_str()),
            campaigns::archived_at.eq((status == CampaignStatus::Archived).then(Utc::now)),
        ))
        .on_conflict_do_nothing()
        .execute(connection)
        .await?;
    let created = get_campaign(connection, workspace_id, id).await?;
    created.ok_or_else(|| DatabaseError::Failed("a new campaign is gone".to_owned()))
}

/// Changes what is given of a campaign, if the workspace has it. To one that was archived, nothing more is
/// added once [`super::wait_for_links`] has returned, too.
///
/// # Errors
/// When the database cannot be asked.
pub async fn update_campaign(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
    id: Uuid,
    name: Option<&str>,
    status: Option<CampaignStatus>,
) -> Result<(), DatabaseError> {
    diesel::sql_query(
        "UPDATE campaign.campaigns SET name = coalesce($3, name), status = coalesce($4, status), \
             archived_at = CASE coalesce($4, status) \
                 WHEN 'archived' THEN coalesce(archived_at, clock_timestamp()) END, \
             updated_at = now() \
         WHERE workspace_id = $1 AND id = $2",
    )
    .bind::<SqlUuid, _>(workspace_id)
    .bind::<SqlUuid, _>(id)
    .bind::<Nullable<Text>, _>(name)
    .bind::<Nullable<Text>, _>(status.map(CampaignStatus::as_str))
    .execute(connection)
    .await?;
    Ok(())
}

/// A campaign of the workspace.
///
/// # Errors
/// When the database cannot be asked.
pub async fn get_campaign(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
    id: Uuid,
) -> Result<Option<Campaign>, DatabaseError> {
    let of_id = counted_campaigns::workspace_id.eq(workspace_id).and(counted_campaigns::id.eq(id));
    let row = CampaignRow::query().filter(of_id).first(connection).await.optional()?;
    row.map(Campaign::try_from).transpose()
}

/// The workspace's campaigns, newest first: ids are UUIDv7 and so in the order of creation. With
/// this status, and with this text in the name, whatever its case.
///
/// Reads all campaigns of the workspace, some thousand at the most.
///
/// # Errors
/// When the database cannot be asked.
pub async fn list_campaigns(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
    status: Option<CampaignStatus>,
    search: Option<&str>,
    range: Range,
) -> Result<Page<Campaign>, DatabaseError> {
    let of_workspace = counted_campaigns::workspace_id.eq(workspace_id);
    let mut rows = CampaignRow::query().filter(of_workspace).into_boxed();
    let mut count = counted_campaigns::table.filter(of_workspace).count().into_boxed();
    if let Some(status) = status {
        let of_status = counted_campaigns::status.eq(status.as_str());
        rows = rows.filter(of_status);
        count = count.filter(of_status);
    }
    if let Some(text) = search {
        let of_name = counted_campaigns::name.ilike(format!("%{}%", literally(text)));
        rows = rows.filter(of_name.clone());
        count = count.filter(of_name);
    }
    let total = count.get_result(connection).await?;
    if let Some(after) = range.after {
        rows = rows.filter(counted_campaigns::id.lt(after));
    }
    let rows: Vec<CampaignRow> = rows
        .order(counted_campaigns::id.desc())
        .limit(range.look_ahead())
        .offset(range.offset)
        .load(connection)
        .await?;
    let rows = rows.into_iter().map(Campaign::try_from).collect::<Result<_, _>>()?;
    Ok(range.page(rows, total, |campaign| campaign.id))
}

/// The text as a pattern that only it matches.
fn literally(text: &str) -> String {
    text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_")
}
