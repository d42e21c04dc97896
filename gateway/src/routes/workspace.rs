//! The caller's workspace: what integrations test a connection with.

pub mod about;

use actix_web::HttpResponse;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::extract::Authenticated;

/// A workspace, as the API shows it.
#[derive(Serialize, JsonSchema)]
struct Workspace<'a> {
    /// Its id.
    id: Uuid,
    /// Its name.
    name: &'a str,
}

/// `GET /v1/workspace`.
pub async fn show(caller: Authenticated) -> HttpResponse {
    let workspace = Workspace { id: caller.workspace_id, name: &caller.workspace_name };
    HttpResponse::Ok().json(json!({"data": workspace}))
}
