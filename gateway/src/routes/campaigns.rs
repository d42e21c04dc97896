//! Campaigns, and the leads in them.

use std::{collections::HashMap, str::FromStr};

use actix_web::{HttpResponse, web::Data};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::contract::{
    Campaign, CampaignLead, CampaignRequest, CampaignStatus, Lead, LeadRequest, Page,
};
use uuid::Uuid;

use crate::{
    error::ApiError,
    extract::{Authenticated, Body, Id, Paging, page},
    state::State,
};

/// The longest name of a campaign, in characters.
const MAX_NAME: usize = 255;

/// `POST /v1/campaigns`.
pub async fn create(
    state: Data<State>,
    caller: Authenticated,
    Body(body): Body,
) -> Result<HttpResponse, ApiError> {
    let NewCampaign { name, status } = NewCampaign::parse(&body)?;
    let (workspace_id, id) = (caller.workspace_id, Uuid::now_v7());
    let request = CampaignRequest::Create { workspace_id, id, name, status };
    let campaign: Campaign = state.services.campaigns(&request).await?;
    Ok(HttpResponse::Created().json(json!({"data": campaign})))
}

#[derive(Deserialize)]
struct NewCampaign {
    name: String,
    #[serde(default)]
    status: CampaignStatus,
}

impl NewCampaign {
    fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let value: serde_json::Value =
            serde_json::from_slice(body).map_err(|_| ApiError::bad_request("Invalid JSON body"))?;
        let new: Self = serde_json::from_value(value).map_err(|_| {
            ApiError::bad_request(
                "name is required; status must be draft, active, paused, completed or archived",
            )
        })?;
        let name = new.name.trim();
        if name.is_empty() || name.contains('\0') || name.chars().count() > MAX_NAME {
            return Err(ApiError::bad_request(format!(
                "name must have 1 to {MAX_NAME} characters, without U+0000"
            )));
        }
        Ok(Self { name: name.to_owned(), ..new })
    }
}

/// `GET /v1/campaigns`.
pub async fn list(
    state: Data<State>,
    caller: Authenticated,
    paging: Paging,
) -> Result<HttpResponse, ApiError> {
    let status = paging.parameter("status").map(CampaignStatus::from_str).transpose();
    let request = CampaignRequest::List {
        workspace_id: caller.workspace_id,
        status: status.map_err(|()| {
            ApiError::bad_request("status must be draft, active, paused, completed or archived")
        })?,
        range: paging.range(),
    };
    let campaigns: Page<Campaign> = state.services.campaigns(&request).await?;
    Ok(page(&paging, &campaigns))
}

/// `GET /v1/campaigns/{id}`.
pub async fn show(
    state: Data<State>,
    caller: Authenticated,
    Id(id): Id,
) -> Result<HttpResponse, ApiError> {
    let request = CampaignRequest::Get { workspace_id: caller.workspace_id, id };
    let campaign: Campaign = state.services.campaigns(&request).await?;
    Ok(HttpResponse::Ok().json(json!({"data": campaign})))
}

/// A lead, with when it joined the campaign.
#[derive(Serialize)]
struct Member {
    #[serde(flatten)]
    lead: Lead,
    added_at: chrono::DateTime<chrono::Utc>,
}

/// `GET /v1/campaigns/{id}/leads`.
pub async fn leads(
    state: Data<State>,
    caller: Authenticated,
    Id(id): Id,
    paging: Paging,
) -> Result<HttpResponse, ApiError> {
    let workspace_id = caller.workspace_id;
    let request = CampaignRequest::Leads { workspace_id, id, range: paging.range() };
    let links: Page<CampaignLead> = state.services.campaigns(&request).await?;
    let ids = links.data.iter().map(|link| link.lead_id).collect();
    let leads: Vec<Lead> = state.services.leads(&LeadRequest::Get { workspace_id, ids }).await?;
    let mut leads: HashMap<_, _> = leads.into_iter().map(|lead| (lead.id, lead)).collect();
    let members = links.data.into_iter().filter_map(|CampaignLead { lead_id, added_at }| {
        Some(Member { lead: leads.remove(&lead_id)?, added_at })
    });
    let members: Vec<_> = members.collect();
    Ok(page(&paging, &Page { data: members, total: links.total, next: links.next }))
}
