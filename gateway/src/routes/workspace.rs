//! The caller's workspace: what integrations test a connection with.

use actix_web::HttpResponse;
use serde_json::json;

use crate::extract::Authenticated;

/// `GET /v1/workspace`.
pub async fn show(caller: Authenticated) -> HttpResponse {
    let workspace = json!({"id": caller.workspace_id, "name": caller.workspace_name});
    HttpResponse::Ok().json(json!({"data": workspace}))
}
