//! The error shape that every answer shares: `{"error": {"code", "message"}}`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A failure of a whole submission or request, as the caller reads it.
// Contract section 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error, JsonSchema)]
#[error("{message}")]
pub struct ErrorBody {
    /// What kind of failure, for programs.
    pub code: ErrorCode,
    /// What went wrong, for people. Holds nothing of the inside and no personal data.
    pub message: String,
    /// The lead in whose way the request is, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead_id: Option<Uuid>,
}

impl ErrorBody {
    /// An error with this code and message.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), lead_id: None }
    }

    /// `not_found`, naming what was looked for.
    pub fn not_found(what: &str) -> Self {
        Self::new(ErrorCode::NotFound, format!("{what} not found"))
    }

    /// `conflict`: the field's value belongs to this other lead.
    pub fn conflict(field: &str, lead_id: Uuid) -> Self {
        let message = format!("Another lead of this workspace has this {field}");
        Self { lead_id: Some(lead_id), ..Self::new(ErrorCode::Conflict, message) }
    }

    /// `bad_request` with this message.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::BadRequest, message)
    }

    /// `campaign_archived`.
    pub fn campaign_archived() -> Self {
        Self::new(ErrorCode::CampaignArchived, "The campaign is archived: nothing can be added")
    }

    /// `internal`, with no detail of the inside.
    pub fn internal() -> Self {
        Self::new(ErrorCode::Internal, "Internal error")
    }

    /// `unavailable`: a part that the answer needs is down; safe to retry.
    pub fn unavailable() -> Self {
        Self::new(ErrorCode::Unavailable, "Temporarily unavailable, please retry")
    }
}

/// The closed list of error codes.
// Contract section 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// 400: the request cannot be read.
    BadRequest,
    /// 401: the key is missing, malformed, unknown or revoked.
    Unauthorized,
    /// 403: the key lacks the scope.
    Forbidden,
    /// 404: no such thing in the key's workspace, or no such route.
    NotFound,
    /// 405: the route knows other methods.
    MethodNotAllowed,
    /// 409: another thing of the workspace is in the way.
    Conflict,
    /// 409: another request with the same idempotency key is still running.
    IdempotencyConflict,
    /// 409: nothing can be added to an archived campaign.
    CampaignArchived,
    /// 413: the body is over the limit.
    PayloadTooLarge,
    /// 415: the Content-Type is not JSON.
    UnsupportedMediaType,
    /// 422: the idempotency key was used with another body or path.
    IdempotencyMismatch,
    /// 429: over the key's rate limit.
    RateLimited,
    /// 500: a defect of ours.
    Internal,
    /// 503: broker or database down, or overloaded; safe to retry.
    Unavailable,
    /// 504: the result was not ready in time; safe to retry.
    Timeout,
}

impl ErrorCode {
    /// The name of what went wrong with us; `None` where the request is to blame.
    pub fn fault(self) -> Option<&'static str> {
        match self {
            Self::Internal => Some("internal"),
            Self::Unavailable => Some("unavailable"),
            Self::Timeout => Some("timeout"),
            Self::BadRequest
            | Self::Unauthorized
            | Self::Forbidden
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::Conflict
            | Self::IdempotencyConflict
            | Self::CampaignArchived
            | Self::PayloadTooLarge
            | Self::UnsupportedMediaType
            | Self::IdempotencyMismatch
            | Self::RateLimited => None,
        }
    }
}
