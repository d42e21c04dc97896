//! Leads.

use actix_web::{HttpResponse, web::Data};
use serde_json::json;
use shared::contract::{ErrorBody, Lead, LeadRequest};

use crate::{
    error::ApiError,
    extract::{Authenticated, Id},
    state::State,
};

/// `GET /v1/leads/{id}`.
pub async fn show(
    state: Data<State>,
    caller: Authenticated,
    Id(id): Id,
) -> Result<HttpResponse, ApiError> {
    let request = LeadRequest::Get { workspace_id: caller.workspace_id, ids: vec![id] };
    let leads: Vec<Lead> = state.services.leads(&request).await?;
    let lead = leads.first().ok_or_else(|| ErrorBody::not_found("Lead"))?;
    Ok(HttpResponse::Ok().json(json!({"data": lead})))
}
