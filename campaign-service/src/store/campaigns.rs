//! Campaigns.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
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
        created_at -> Timestamptz,
    }
}

#[derive(HasQuery)]
#[diesel(table_name = campaigns)]
struct CampaignRow {
    id: Uuid,
    name: String,
    status: String,
    created_at: DateTime<Utc>,
}

impl TryFrom<CampaignRow> for Campaign {
    type Error = DatabaseError;

    fn try_from(row: CampaignRow) -> Result<Self, DatabaseError> {
        let status = CampaignStatus::from_str(&row.status)
            .map_err(|()| DatabaseError::Failed(format!("unknown status {}", row.status)))?;
        Ok(Self { id: row.id, name: row.name, status, created_at: row.created_at })
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
        ))
        .on_conflict_do_nothing()
        .execute(connection)
        .await?;
    let created = get_campaign(connection, workspace_id, id).await?;
    created.ok_or_else(|| DatabaseError::Failed("a new campaign is gone".to_owned()))
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
    let row = CampaignRow::query()
        .filter(campaigns::workspace_id.eq(workspace_id).and(campaigns::id.eq(id)))
        .first(connection)
        .await
        .optional()?;
    row.map(Campaign::try_from).transpose()
}

/// The workspace's campaigns, newest first: ids are UUIDv7 and so in the order of creation.
///
/// # Errors
/// When the database cannot be asked.
pub async fn list_campaigns(
    connection: &mut AsyncPgConnection,
    workspace_id: Uuid,
    status: Option<CampaignStatus>,
    range: Range,
) -> Result<Page<Campaign>, DatabaseError> {
    let mut rows =
        CampaignRow::query().filter(campaigns::workspace_id.eq(workspace_id)).into_boxed();
    let mut count =
        campaigns::table.filter(campaigns::workspace_id.eq(workspace_id)).count().into_boxed();
    if let Some(status) = status {
        rows = rows.filter(campaigns::status.eq(status.as_str()));
        count = count.filter(campaigns::status.eq(status.as_str()));
    }
    if let Some(after) = range.after {
        rows = rows.filter(campaigns::id.lt(after));
    }
    let total = count.get_result(connection).await?;
    let rows: Vec<CampaignRow> = rows
        .order(campaigns::id.desc())
        .limit(range.look_ahead())
        .offset(range.offset)
        .load(connection)
        .await?;
    let rows = rows.into_iter().map(Campaign::try_from).collect::<Result<_, _>>()?;
    Ok(range.page(rows, total, |campaign| campaign.id))
}

/// Which of these campaigns, named with their workspaces, exist.
pub(crate) async fn existing_campaigns(
    connection: &mut AsyncPgConnection,
    named: &[(Uuid, Uuid)],
) -> Result<Vec<(Uuid, Uuid)>, DatabaseError> {
    let (workspaces, ids): (Vec<_>, Vec<_>) = named.iter().copied().unzip();
    // Each column is filtered by itself, so pairs that nobody named come along; they exist, and
    // knowing them does no harm.
    let found = campaigns::table
        .select((campaigns::workspace_id, campaigns::id))
        .filter(campaigns::workspace_id.eq_any(workspaces).and(campaigns::id.eq_any(ids)))
        .load(connection)
        .await?;
    Ok(found)
}
