//! Leads, one by one.

pub mod about;
pub(super) mod filter;

use actix_web::{HttpRequest, HttpResponse, web::Data};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use shared::contract::{
    ChangedLead, ErrorBody, ErrorCode, Lead, LeadFields, LeadRequest, Page, Warning,
};
use uuid::Uuid;

use crate::{
    auth::Caller,
    error::ApiError,
    extract::{Authenticated, Body, Id, Paging, page},
    idempotency::{Claim, IdempotencyKey, fingerprint},
    state::State,
};
use filter::filter;

/// The most bytes of one lead: all of its fields at their longest, and escaped.
const MAX_BYTES: usize = 512 * 1024;

/// An answer about one lead. Written as it is, because a JSON value would round its numbers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LeadAnswer", description = "A lead.")]
struct Answer<'a> {
    data: &'a Lead,
    /// What was ignored in the request.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [Warning],
}

/// `POST /v1/leads`.
pub async fn create(
    state: Data<State>,
    caller: Authenticated,
    http: HttpRequest,
    Body(body): Body,
) -> Result<HttpResponse, ApiError> {
    let workspace_id = caller.workspace_id;
    let key = IdempotencyKey::of(http.headers())?;
    let fields = fields(&caller, &body)?;
    // Judged before its key is claimed: a refused request does not use the key up.
    fields.entry()?;
    let mut id = Uuid::now_v7();
    let mut answer = HttpResponse::Created();
    if let Some(key) = key {
        let fingerprint = fingerprint("POST", "/v1/leads", &body);
        // The key stands for the lead's id, with which the request may be carried out again. No answer
        // is kept: it would outlive the lead.
        match state.idempotency.claim(workspace_id, &key, fingerprint, id).await? {
            Claim::First => {}
            Claim::Twin(first) => {
                id = first;
                answer.insert_header(("Idempotent-Replayed", "true"));
            }
            Claim::Answered(_) => return Err(ErrorBody::internal().into()),
        }
    }
    let request = LeadRequest::Create { workspace_id, id, fields };
    let ChangedLead { lead, warnings } = state.services.leads(&request).await?;
    Ok(answer.json(Answer { data: &lead, warnings: &warnings }))
}

/// `GET /v1/leads`.
pub async fn list(
    state: Data<State>,
    caller: Authenticated,
    paging: Paging,
) -> Result<HttpResponse, ApiError> {
    let request = LeadRequest::List {
        workspace_id: caller.workspace_id,
        filter: filter(&paging, &caller)?,
        range: paging.range(),
    };
    let leads: Page<Lead> = state.services.leads(&request).await?;
    Ok(page(&paging, &leads))
}

/// `GET /v1/leads/{id}`.
pub async fn show(
    state: Data<State>,
    caller: Authenticated,
    Id(id): Id,
) -> Result<HttpResponse, ApiError> {
    let request = LeadRequest::Get { workspace_id: caller.workspace_id, ids: vec![id] };
    let leads: Vec<Lead> = state.services.leads(&request).await?;
    let lead = leads.first().ok_or_else(|| ErrorBody::not_found("Lead"))?;
    Ok(HttpResponse::Ok().json(Answer { data: lead, warnings: &[] }))
}

/// `PATCH /v1/leads/{id}`.
pub async fn change(
    state: Data<State>,
    caller: Authenticated,
    Id(id): Id,
    Body(body): Body,
) -> Result<HttpResponse, ApiError> {
    let fields = fields(&caller, &body)?;
    let request = LeadRequest::Change { workspace_id: caller.workspace_id, id, fields };
    let ChangedLead { lead, warnings } = state.services.leads(&request).await?;
    Ok(HttpResponse::Ok().json(Answer { data: &lead, warnings: &warnings }))
}

/// `DELETE /v1/leads/{id}`.
pub async fn delete(
    state: Data<State>,
    caller: Authenticated,
    Id(id): Id,
) -> Result<HttpResponse, ApiError> {
    let (workspace_id, request_id) = (caller.workspace_id, Uuid::now_v7());
    let request = LeadRequest::Delete { workspace_id, id, request_id };
    state.services.leads::<()>(&request).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The fields of a lead as they came: what they come to is the lead service's business.
fn fields(caller: &Caller, body: &Bytes) -> Result<LeadFields, ApiError> {
    if body.len() > MAX_BYTES {
        let message = format!("A lead may hold {MAX_BYTES} bytes at most");
        return Err(ApiError::new(ErrorCode::PayloadTooLarge, message));
    }
    let json = std::str::from_utf8(body).map_err(|_| ApiError::bad_request("Invalid JSON body"))?;
    Ok(LeadFields { json: json.to_owned(), default_region: caller.default_region.clone() })
}
