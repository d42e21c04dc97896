//! What comes in just now.

pub mod about;

use actix_web::HttpResponse;
use serde_json::json;

use crate::extract::Authenticated;

/// `GET /v1/intake`.
pub async fn show(caller: Authenticated) -> HttpResponse {
    HttpResponse::Ok().json(json!({"data": caller.activity.seconds()}))
}
