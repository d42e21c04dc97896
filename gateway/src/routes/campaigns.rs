//! Campaigns, and the leads in them.

pub mod about;
mod members;

pub use members::list as leads;

use std::str::FromStr;

use actix_web::{HttpResponse, web::Data};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use shared::contract::{Campaign, CampaignRequest, CampaignStatus, Page};
use uuid::Uuid;

use crate::{
    error::ApiError,
    extract::{Authenticated, Body, Id, Member, Paging, page},
    state::State,
};

/// The longest name of a campaign, in characters.
const MAX_NAME: usize = 255;
const STATUSES: &str = "draft, active, paused, completed or archived";

/// `POST /v1/campaigns`.
pub async fn create(
    state: Data<State>,
    caller: Authenticated,
    Body(body): Body,
) -> Result<HttpResponse, ApiError> {
    let Fields { name, status } = Fields::parse(&body)?;
    let name = name.ok_or_else(|| ApiError::bad_request("name is required"))?;
    let status = status.unwrap_or_default();
    let (workspace_id, id) = (caller.workspace_id, Uuid::now_v7());
    let request = CampaignRequest::Create { workspace_id, id, name, status };
    let campaign: Campaign = state.services.campaigns(&request).await?;
    Ok(HttpResponse::Created().json(json!({"data": campaign})))
}

/// What a campaign is made from, or changed by.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "CampaignFields")]
struct Fields {
    /// Its name.
    #[schemars(length(min = 1, max = MAX_NAME))]
    name: Option<String>,
    /// Its state; a new one is active unless said otherwise.
    status: Option<CampaignStatus>,
}

impl Fields {
    fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let value: serde_json::Value =
            serde_json::from_slice(body).map_err(|_| ApiError::bad_request("Invalid JSON body"))?;
        // A sequence would be taken for the fields in their order.
        let fields =
            if value.is_object() { serde_json::from_value::<Self>(value).ok() } else { None };
        let mut fields = fields.ok_or_else(|| {
            ApiError::bad_request(format!("name must be a string, and status {STATUSES}"))
        })?;
        if let Some(name) = &mut fields.name {
            *name = name.trim().to_owned();
            if name.is_empty() || name.contains('\0') || name.chars().count() > MAX_NAME {
                return Err(ApiError::bad_request(format!(
                    "name must have 1 to {MAX_NAME} characters, without U+0000"
                )));
            }
        }
        Ok(fields)
    }
}

/// `PATCH /v1/campaigns/{id}`.
pub async fn update(
    state: Data<State>,
    caller: Authenticated,
    Id(id): Id,
    Body(body): Body,
) -> Result<HttpResponse, ApiError> {
    let Fields { name, status } = Fields::parse(&body)?;
    if name.is_none() && status.is_none() {
        return Err(ApiError::bad_request("Give name or status"));
    }
    let workspace_id = caller.workspace_id;
    let request = CampaignRequest::Update { workspace_id, id, name, status };
    let campaign: Campaign = state.services.campaigns(&request).await?;
    state.services.forget_campaign(workspace_id, id);
    Ok(HttpResponse::Ok().json(json!({"data": campaign})))
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
        status: status.map_err(|()| ApiError::bad_request(format!("status must be {STATUSES}")))?,
        search: paging.search(MAX_NAME)?,
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

/// `DELETE /v1/campaigns/{id}/leads/{lead_id}`.
pub async fn remove(
    state: Data<State>,
    caller: Authenticated,
    Member { campaign_id: id, lead_id }: Member,
) -> Result<HttpResponse, ApiError> {
    let (workspace_id, removal_id) = (caller.workspace_id, Uuid::now_v7());
    let request = CampaignRequest::Remove { workspace_id, id, lead_id, removal_id };
    let () = state.services.campaigns(&request).await?;
    Ok(HttpResponse::NoContent().finish())
}
