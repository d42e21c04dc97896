//! Whom the workspace must not contact.

pub mod about;

use std::{borrow::Cow, str::FromStr};

use actix_web::{HttpResponse, web::Data};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{json, value::RawValue};
use shared::{
    contract::{ErrorBody, LeadRequest, MAX_SUPPRESSIONS, NewSuppression, Page, Suppression},
    entry::{EntryError, Region},
};
use uuid::Uuid;

use crate::{
    error::ApiError,
    extract::{Authenticated, Body, NamedContact, Paging, page},
    state::State,
};

/// `POST /v1/suppressions`.
pub async fn add(
    state: Data<State>,
    caller: Authenticated,
    Body(body): Body,
) -> Result<HttpResponse, ApiError> {
    let parsed = parse(&body, caller.default_region.as_deref())?;
    let suppressions: Vec<_> = parsed.iter().flatten().cloned().collect();
    let added: Vec<bool> = if suppressions.is_empty() {
        vec![]
    } else {
        let workspace_id = caller.workspace_id;
        state.services.leads(&LeadRequest::Suppress { workspace_id, suppressions }).await?
    };
    let mut added = added.into_iter();
    let (mut results, mut summary) = (Vec::with_capacity(parsed.len()), Summary::default());
    for (index, parsed) in parsed.into_iter().enumerate() {
        let (status, error) = match (parsed, &mut added) {
            (Err(error), _) => (Status::Error, Some(error)),
            (Ok(_), added) => match added.next() {
                Some(true) => (Status::Added, None),
                Some(false) => (Status::AlreadySuppressed, None),
                None => return Err(ErrorBody::internal().into()),
            },
        };
        summary.count(status);
        results.push(EntryResult { index, status, error });
    }
    Ok(HttpResponse::Ok().json(json!({"data": Answer { results, summary }})))
}

/// What became of the entries.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Suppressed")]
struct Answer {
    /// One for each entry, in the request's order.
    results: Vec<EntryResult>,
    /// The results, counted.
    summary: Summary,
}

/// What became of one entry.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SuppressionResult")]
struct EntryResult {
    /// The entry's place in the request, from 0.
    index: usize,
    /// What became of it.
    status: Status,
    /// Why it was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<EntryError>,
}

/// What became of an entry.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "SuppressionStatus")]
enum Status {
    /// It is suppressed by this entry.
    Added,
    /// It was suppressed before.
    AlreadySuppressed,
    /// Rejected.
    Error,
}

/// The results, counted by status.
#[derive(Default, Serialize, JsonSchema)]
#[schemars(rename = "SuppressionSummary")]
struct Summary {
    /// All entries.
    total: usize,
    /// Those that were new.
    added: usize,
    /// Those that were there before.
    already_suppressed: usize,
    /// Those that were rejected.
    failed: usize,
}

impl Summary {
    fn count(&mut self, status: Status) {
        self.total += 1;
        match status {
            Status::Added => self.added += 1,
            Status::AlreadySuppressed => self.already_suppressed += 1,
            Status::Error => self.failed += 1,
        }
    }
}

/// What is asked for.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Suppress")]
struct Fields<'a> {
    /// Whom not to contact: each is judged on its own.
    #[serde(borrow)]
    #[schemars(with = "Vec<NewSuppression>", length(min = 1, max = MAX_SUPPRESSIONS))]
    suppressions: Option<&'a RawValue>,
    /// ISO 3166 alpha-2 region for phone numbers in national format.
    #[serde(borrow)]
    default_region: Option<Cow<'a, str>>,
}

/// The entries of a request, each valid or rejected.
fn parse(
    body: &[u8],
    default_region: Option<&str>,
) -> Result<Vec<Result<NewSuppression, EntryError>>, ApiError> {
    let invalid = || ApiError::bad_request("Invalid JSON body");
    // A sequence would be taken for the fields in their order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(invalid());
    }
    let fields: Fields<'_> = serde_json::from_slice(body).map_err(|_| invalid())?;
    let region = fields.default_region.as_deref().or(default_region).map(Region::from_str);
    let region = region
        .transpose()
        .map_err(|()| ApiError::bad_request("default_region must be an ISO 3166 alpha-2 code"))?;
    let entries =
        fields.suppressions.ok_or_else(|| ApiError::bad_request("suppressions is required"))?;
    let entries: Vec<&RawValue> = serde_json::from_str(entries.get())
        .map_err(|_| ApiError::bad_request("suppressions must be an array"))?;
    if !(1..=MAX_SUPPRESSIONS).contains(&entries.len()) {
        return Err(ApiError::bad_request(format!(
            "suppressions must hold 1 to {MAX_SUPPRESSIONS} entries"
        )));
    }
    Ok(entries.into_iter().map(|raw| NewSuppression::parse(raw, region, Uuid::now_v7())).collect())
}

/// `GET /v1/suppressions`.
pub async fn list(
    state: Data<State>,
    caller: Authenticated,
    paging: Paging,
    NamedContact(contact): NamedContact,
) -> Result<HttpResponse, ApiError> {
    let request = LeadRequest::Suppressions {
        workspace_id: caller.workspace_id,
        contact,
        range: paging.range(),
    };
    let suppressions: Page<Suppression> = state.services.leads(&request).await?;
    Ok(page(&paging, &suppressions))
}

/// `DELETE /v1/suppressions`.
pub async fn lift(
    state: Data<State>,
    caller: Authenticated,
    NamedContact(contact): NamedContact,
) -> Result<HttpResponse, ApiError> {
    let workspace_id = caller.workspace_id;
    let contact = contact.ok_or_else(|| ApiError::bad_request("phone or email is required"))?;
    let request = LeadRequest::LiftSuppression { workspace_id, contact };
    let lifted: bool = state.services.leads(&request).await?;
    if lifted {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(ErrorBody::not_found("Suppression").into())
    }
}
