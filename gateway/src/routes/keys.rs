//! The workspace's API keys.

pub mod about;

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, HeaderValue},
    web::Data,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::contract::ErrorBody;

use crate::{
    error::ApiError,
    extract::{Authenticated, Body, Id, Paging, page},
    keys::{self, KeyListing, KeyOptions},
    scopes::{Scopes, WorkspaceScope},
    state::State,
};

/// The longest label, in characters.
const MAX_NAME: usize = 255;

/// `GET /v1/keys`: newest first, revoked ones too.
pub async fn list(
    state: Data<State>,
    caller: Authenticated,
    paging: Paging,
) -> Result<HttpResponse, ApiError> {
    let mut connection = state.database.connection().await?;
    let listed = keys::list_of(&mut connection, caller.workspace_id, paging.range()).await?;
    Ok(page(&paging, &listed))
}

/// `POST /v1/keys`: the only answer that ever shows the key.
pub async fn create(
    state: Data<State>,
    caller: Authenticated,
    Body(body): Body,
) -> Result<HttpResponse, ApiError> {
    let options = parse(&body)?;
    let mut connection = state.database.connection().await?;
    let made = keys::create_in(&mut connection, caller.workspace_id, options).await?;
    let data = CreatedKey { listing: made.listing, key: made.secret };
    Ok(HttpResponse::Created()
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .json(json!({"data": data})))
}

/// `DELETE /v1/keys/{id}`: closes a key for good, the caller's own too.
pub async fn revoke(
    state: Data<State>,
    caller: Authenticated,
    Id(id): Id,
) -> Result<HttpResponse, ApiError> {
    let mut connection = state.database.connection().await?;
    let revoked = keys::revoke(&mut connection, Some(caller.workspace_id), id).await?;
    let hash = revoked.ok_or_else(|| ErrorBody::not_found("Key"))?;
    state.authenticator.forget(&hash).await;
    Ok(HttpResponse::NoContent().finish())
}

/// What a key is made from.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "NewKey")]
struct Fields {
    /// A label.
    #[schemars(length(max = MAX_NAME))]
    name: Option<String>,
    /// What it is to be good for; `read` and `leads:write` unless said otherwise.
    #[schemars(with = "Option<Vec<WorkspaceScope>>", length(min = 1))]
    scopes: Option<Vec<String>>,
    /// Requests a minute: `null` for the gateway's default, 0 for no limit.
    #[schemars(range(min = 0))]
    rate_limit: Option<i32>,
}

/// A key that was just made.
#[derive(Serialize, JsonSchema)]
struct CreatedKey {
    #[serde(flatten)]
    listing: KeyListing,
    /// The whole key, shown this once.
    key: String,
}

fn parse(body: &[u8]) -> Result<KeyOptions, ApiError> {
    let value: Value =
        serde_json::from_slice(body).map_err(|_| ApiError::bad_request("Invalid JSON body"))?;
    // A sequence would be taken for the fields in their order.
    let fields =
        if value.is_object() { serde_json::from_value::<Fields>(value).ok() } else { None };
    let fields = fields.ok_or_else(|| {
        ApiError::bad_request("name must be a string, scopes a list, and rate_limit a number")
    })?;
    let name = fields.name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    if name.as_ref().is_some_and(|n| n.contains('\0') || n.chars().count() > MAX_NAME) {
        return Err(ApiError::bad_request(format!(
            "name may have {MAX_NAME} characters, without U+0000"
        )));
    }
    if fields.rate_limit.is_some_and(|limit| limit < 0) {
        return Err(ApiError::bad_request("rate_limit must not be negative"));
    }
    let scopes = match fields.scopes {
        None => Scopes::default(),
        Some(names) => Scopes::try_from(names)
            .map_err(|problem| ApiError::bad_request(format!("scopes: {problem}")))?,
    };
    if !scopes.are_of_workspace() {
        return Err(ApiError::bad_request(
            "scopes: who runs Rollcall gives operator, by its command",
        ));
    }
    Ok(KeyOptions { name, scopes, rate_limit: fields.rate_limit })
}
