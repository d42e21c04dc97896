//! The leads in a campaign, listed and searched.

use std::collections::HashMap;

use actix_web::{HttpResponse, web::Data};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use shared::contract::{CampaignLead, CampaignRequest, Lead, LeadFilter, LeadRequest, Page, Range};
use uuid::Uuid;

use crate::{
    error::ApiError,
    extract::{Authenticated, Id, Paging, page},
    routes::leads::filter::filter,
    state::State,
};

/// The most leads of a workspace that pass a filter and are then looked for in the campaign: leads and
/// links are in two services.
pub(super) const MAX_CANDIDATES: i64 = 1_000;

/// A lead, with when it joined the campaign.
#[derive(Serialize, JsonSchema)]
pub(super) struct MemberLead {
    #[serde(flatten)]
    lead: Lead,
    /// When it joined.
    added_at: DateTime<Utc>,
}

/// `GET /v1/campaigns/{id}/leads`.
pub async fn list(
    state: Data<State>,
    caller: Authenticated,
    Id(id): Id,
    paging: Paging,
) -> Result<HttpResponse, ApiError> {
    let filter = filter(&paging, &caller)?;
    let (workspace_id, range) = (caller.workspace_id, paging.range());
    let members = if filter == LeadFilter::default() {
        all(&state, workspace_id, id, range).await
    } else {
        search(&state, workspace_id, id, filter, range).await
    };
    Ok(page(&paging, &members?))
}

/// A page of all, in the order in which they were made.
async fn all(
    state: &State,
    workspace_id: Uuid,
    id: Uuid,
    range: Range,
) -> Result<Page<MemberLead>, ApiError> {
    let request = CampaignRequest::Leads { workspace_id, id, range };
    let links: Page<CampaignLead> = state.services.campaigns(&request).await?;
    let ids = links.data.iter().map(|link| link.lead_id).collect();
    let leads: Vec<Lead> = state.services.leads(&LeadRequest::Get { workspace_id, ids }).await?;
    let mut leads: HashMap<_, _> = leads.into_iter().map(|lead| (lead.id, lead)).collect();
    let members = links.data.iter().filter_map(|CampaignLead { lead_id, added_at }| {
        Some(MemberLead { lead: leads.remove(lead_id)?, added_at: *added_at })
    });
    let data = members.collect();
    Ok(Page { data, total: links.total, total_is_capped: links.total_is_capped, next: links.next })
}

/// A page of those that pass a filter, newest first.
async fn search(
    state: &State,
    workspace_id: Uuid,
    id: Uuid,
    filter: LeadFilter,
    range: Range,
) -> Result<Page<MemberLead>, ApiError> {
    let candidates = Range { limit: MAX_CANDIDATES, offset: 0, after: None };
    let request = LeadRequest::List { workspace_id, filter, range: candidates };
    let found: Page<Lead> = state.services.leads(&request).await?;
    let total_is_capped = found.total_is_capped || found.next.is_some();
    let lead_ids = found.data.iter().map(|lead| lead.id).collect();
    let request = CampaignRequest::LeadsAmong { workspace_id, id, lead_ids };
    let links: Vec<CampaignLead> = state.services.campaigns(&request).await?;
    let added: HashMap<_, _> =
        links.into_iter().map(|link| (link.lead_id, link.added_at)).collect();
    let members = found.data.into_iter().filter_map(|lead| {
        let added_at = *added.get(&lead.id)?;
        Some(MemberLead { lead, added_at })
    });
    let behind = |member: &MemberLead| range.after.is_none_or(|after| member.lead.id < after);
    let (offset, limit) = (usize::try_from(range.offset), usize::try_from(range.look_ahead()));
    let rows = members
        .filter(behind)
        .skip(offset.unwrap_or(usize::MAX))
        .take(limit.unwrap_or_default())
        .collect();
    let total = i64::try_from(added.len()).unwrap_or(i64::MAX);
    Ok(Page { total_is_capped, ..range.page(rows, total, |member| member.lead.id) })
}
