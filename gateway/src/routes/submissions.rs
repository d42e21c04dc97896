//! Big submissions.

pub mod about;

use actix_web::{
    HttpRequest, HttpResponse,
    guard::GuardContext,
    http::header::{ContentType, HeaderMap, LOCATION},
    web::Data,
};
use serde_json::{Value, json};
use shared::contract::Page;
use uuid::Uuid;

use super::add_leads::expect_open;
use crate::{
    error::{ApiError, REPLAYED},
    extract::{Authenticated, BodyStream, Format, Id, Paging, page, query},
    idempotency::IdempotencyKey,
    state::State,
    submissions::{Options, failed::FailedFormat, intake::Request, view},
};

const RESPOND_ASYNC: &str = "respond-async";

/// Whether a caller does not want to wait (RFC 7240 section 4.1).
pub fn wants_no_wait(context: &GuardContext<'_>) -> bool {
    prefers_async(context.head().headers())
}

fn prefers_async(headers: &HeaderMap) -> bool {
    let preferences = headers.get_all("prefer").filter_map(|value| value.to_str().ok());
    preferences
        .flat_map(|value| value.split(','))
        .map(|preference| preference.split(';').next().unwrap_or_default().trim())
        .any(|preference| preference.eq_ignore_ascii_case(RESPOND_ASYNC))
}

/// `POST /v1/campaigns/{id}/leads` with `Prefer: respond-async`.
pub async fn accept(
    state: Data<State>,
    caller: Authenticated,
    Id(campaign_id): Id,
    http: HttpRequest,
    body: BodyStream,
) -> Result<HttpResponse, ApiError> {
    let workspace_id = caller.workspace_id;
    let key = IdempotencyKey::of(http.headers())?;
    let options = match body.format {
        Format::Json => Options::default(),
        Format::Lines => Options::from_query(&query(&http)?)?,
    };
    refuse_closed(&state, workspace_id, campaign_id, key.as_ref()).await?;
    let request = Request {
        workspace_id,
        default_region: caller.default_region.clone(),
        campaign_id,
        key,
        options,
        chunk_leads: state.settings.submission_chunk_leads,
        max_waiting: state.settings.max_waiting_leads,
    };
    let accepted = state.submissions.accept(request, body).await?;
    let mut response = HttpResponse::Accepted();
    response.insert_header(("Preference-Applied", RESPOND_ASYNC));
    if let Some(location) = location(&accepted.body) {
        response.insert_header((LOCATION, location));
    }
    if accepted.replayed {
        response.insert_header(REPLAYED);
    }
    Ok(response.content_type(ContentType::json()).body(accepted.body))
}

/// Refuses a campaign that is known to be closed or absent. Where that cannot be known just now, it
/// passes: the check at the time of linking will tell.
async fn refuse_closed(
    state: &State,
    workspace_id: Uuid,
    campaign_id: Uuid,
    key: Option<&IdempotencyKey>,
) -> Result<(), ApiError> {
    if !state.services.are_reached() {
        return Ok(());
    }
    match expect_open(state, workspace_id, campaign_id, key).await {
        Err(error) if !error.is_passing() => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Where the submission is that this answer tells of.
fn location(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    Some(view::path(body["data"]["id"].as_str()?.parse().ok()?))
}

/// `GET /v1/submissions`.
pub async fn list(
    state: Data<State>,
    caller: Authenticated,
    paging: Paging,
) -> Result<HttpResponse, ApiError> {
    let submissions = state.submissions.list(caller.workspace_id, paging.range()).await?;
    Ok(page(&paging, &submissions))
}

/// `GET /v1/submissions/{id}`.
pub async fn show(
    state: Data<State>,
    caller: Authenticated,
    Id(id): Id,
) -> Result<HttpResponse, ApiError> {
    let submission = state.submissions.get(caller.workspace_id, id).await?;
    Ok(HttpResponse::Ok().json(json!({"data": submission})))
}

/// `GET /v1/submissions/{id}/results`.
pub async fn results(
    state: Data<State>,
    caller: Authenticated,
    Id(id): Id,
    paging: Paging,
) -> Result<HttpResponse, ApiError> {
    let results: Page<_> =
        state.submissions.results(caller.workspace_id, id, paging.range()).await?;
    Ok(page(&paging, &results))
}

/// `GET /v1/submissions/{id}/failed`.
pub async fn failed(
    state: Data<State>,
    caller: Authenticated,
    Id(id): Id,
    http: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query = query(&http)?;
    let format = query.iter().find(|(name, _)| name == "format").map(|(_, value)| value.as_str());
    let (format, content_type) = match format {
        None | Some("ndjson") => (FailedFormat::Lines, "application/x-ndjson"),
        Some("csv") => (FailedFormat::Csv, "text/csv; charset=utf-8"),
        Some(_) => return Err(ApiError::bad_request("format must be ndjson or csv")),
    };
    let entries = state.submissions.failed(caller.workspace_id, id, format).await?;
    let extension = if format == FailedFormat::Csv { "csv" } else { "ndjson" };
    let file = format!("attachment; filename=\"failed-{id}.{extension}\"");
    Ok(HttpResponse::Ok()
        .content_type(content_type)
        .insert_header(("Content-Disposition", file))
        .streaming(entries))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn the_preference_is_found_among_others() {
        for (values, wanted) in [
            (vec!["respond-async"], true),
            (vec!["Respond-Async; wait=10"], true),
            (vec!["handling=lenient, respond-async"], true),
            (vec!["wait=10", " respond-async "], true),
            (vec![], false),
            (vec!["wait=10"], false),
            (vec!["respond-asynchronously"], false),
            (vec!["foo=\"bar\"; respond-async"], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in &values {
                let name = actix_web::http::header::HeaderName::from_static("prefer");
                headers.append(name, HeaderValue::from_static(value));
            }
            assert_eq!(prefers_async(&headers), wanted, "{values:?}");
        }
    }
}
