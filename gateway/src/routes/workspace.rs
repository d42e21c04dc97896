//! The caller's workspace: what integrations test a connection with.

pub mod about;

use actix_web::HttpResponse;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::{extract::Authenticated, scopes::Scopes};

/// A workspace, as the API shows it.
#[derive(Serialize, JsonSchema)]
struct Workspace<'a> {
    /// Its id.
    id: Uuid,
    /// Its name.
    name: &'a str,
    /// What the key is good for.
    scopes: &'a Scopes,
}

/// `GET /v1/workspace`.
pub async fn show(caller: Authenticated) -> HttpResponse {
    let workspace =
        Workspace { id: caller.workspace_id, name: &caller.workspace_name, scopes: &caller.scopes };
    HttpResponse::Ok().json(json!({"data": workspace}))
}
