//! Every error that the API answers, in one shape (contract section 1).

use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{ALLOW, RETRY_AFTER},
    },
};
use serde_json::json;
use shared::{
    bus::BusError,
    contract::{ErrorBody, ErrorCode},
    database::DatabaseError,
};
use uuid::Uuid;

use crate::{gather::Answered, origin, scopes::Scope};

/// Tells that an earlier request with the same idempotency key got the same answer.
pub const REPLAYED: (&str, &str) = ("Idempotent-Replayed", "true");

/// An error answer.
#[derive(Debug)]
pub struct ApiError {
    body: ErrorBody,
    /// Seconds after which a retry makes sense.
    retry_after: Option<u64>,
    allow: Option<String>,
    submission_id: Option<Uuid>,
    refused: Option<Box<Refused>>,
}

/// What became of entries that were refused together.
#[derive(Debug)]
struct Refused {
    /// The body of an answer.
    results: String,
    /// Whether an earlier request with the same idempotency key was refused the same way.
    replayed: bool,
}

impl ApiError {
    /// An error with this code and message.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        ErrorBody::new(code, message).into()
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        ErrorBody::bad_request(message).into()
    }

    /// 403: the key is good for other things.
    pub fn lacks_scope(scope: Scope) -> Self {
        Self::new(ErrorCode::Forbidden, format!("This key lacks the scope {}", scope.as_str()))
    }

    /// 404 for a path that leads nowhere.
    pub fn no_such_route() -> Self {
        Self::new(ErrorCode::NotFound, "No such route")
    }

    /// 405, naming the methods that the route knows.
    pub fn method_not_allowed(allow: String) -> Self {
        let error = Self::new(ErrorCode::MethodNotAllowed, "Method not allowed");
        Self { allow: Some(allow), ..error }
    }

    /// 429: the key may come again after so many seconds.
    pub fn rate_limited(retry_after: u64) -> Self {
        let error = Self::new(ErrorCode::RateLimited, "Rate limit exceeded");
        Self { retry_after: Some(retry_after), ..error }
    }

    /// What kind of error.
    pub fn code(&self) -> ErrorCode {
        self.body.code
    }

    /// 503: too much is under way.
    pub fn overloaded() -> Self {
        Self::new(ErrorCode::Unavailable, "Too many leads are under way, please retry")
    }

    /// 429: more waits already than may.
    pub fn too_many_waiting(message: impl Into<String>) -> Self {
        let error = Self::new(ErrorCode::RateLimited, message);
        Self { retry_after: Some(30), ..error }
    }

    /// What the caller is told.
    pub fn body(&self) -> &ErrorBody {
        &self.body
    }

    /// The submission whose result is not known.
    pub fn submission_id(&self) -> Option<Uuid> {
        self.submission_id
    }

    /// What the caller is told.
    pub fn into_body(self) -> ErrorBody {
        self.body
    }

    /// Whether the same again, later, may work.
    pub fn is_passing(&self) -> bool {
        match self.body.code {
            ErrorCode::IdempotencyConflict
            | ErrorCode::RateLimited
            | ErrorCode::Unavailable
            | ErrorCode::Timeout => true,
            ErrorCode::BadRequest
            | ErrorCode::Unauthorized
            | ErrorCode::Forbidden
            | ErrorCode::NotFound
            | ErrorCode::MethodNotAllowed
            | ErrorCode::Conflict
            | ErrorCode::CampaignArchived
            | ErrorCode::PayloadTooLarge
            | ErrorCode::UnsupportedMediaType
            | ErrorCode::IdempotencyMismatch
            | ErrorCode::Internal => false,
        }
    }

    /// Names the submission whose result is not known, so that its caller can ask for it.
    #[must_use]
    pub fn of_submission(self, id: Uuid) -> Self {
        Self { submission_id: Some(id), ..self }
    }

    /// Tells what became of each entry, beside why nothing was done about any.
    #[must_use]
    pub fn with_results(self, results: &Answered) -> Self {
        let refused = Refused { results: results.body(), replayed: false };
        Self { refused: Some(Box::new(refused)), ..self }
    }

    /// Says that the request repeats an earlier one. Only a refusal of entries is a result, which is
    /// the same each time; whatever else went wrong may go well now.
    #[must_use]
    pub fn repeating(mut self, replayed: bool) -> Self {
        if let Some(refused) = &mut self.refused {
            refused.replayed = replayed;
        }
        self
    }
}

/// The status of each code. Without a catch-all: a new code has to choose its status here.
pub(crate) fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::BadRequest => StatusCode::BAD_REQUEST,
        ErrorCode::Unauthorized => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden => StatusCode::FORBIDDEN,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::Conflict => StatusCode::CONFLICT,
        ErrorCode::IdempotencyConflict => StatusCode::CONFLICT,
        ErrorCode::CampaignArchived => StatusCode::CONFLICT,
        ErrorCode::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorCode::IdempotencyMismatch => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Timeout => StatusCode::GATEWAY_TIMEOUT,
    }
}

impl From<ErrorBody> for ApiError {
    fn from(body: ErrorBody) -> Self {
        let retry_after = (body.code == ErrorCode::Unavailable).then_some(1);
        Self { body, retry_after, allow: None, submission_id: None, refused: None }
    }
}

impl From<BusError> for ApiError {
    fn from(error: BusError) -> Self {
        match error {
            BusError::Unavailable(reason) => {
                let origin = origin::current();
                let request_id = origin.logged();
                tracing::warn!(request_id, %reason, "the message broker is unavailable");
                ErrorBody::unavailable().into()
            }
            BusError::Timeout => Self::new(ErrorCode::Timeout, "The result was not ready in time"),
            BusError::Rejected(reason) => {
                let origin = origin::current();
                let request_id = origin.logged();
                tracing::error!(request_id, %reason, "the message broker refuses a message");
                ErrorBody::internal().into()
            }
        }
    }
}

impl From<DatabaseError> for ApiError {
    fn from(error: DatabaseError) -> Self {
        error.into_error_body().into()
    }
}

impl From<diesel::result::Error> for ApiError {
    fn from(error: diesel::result::Error) -> Self {
        DatabaseError::from(error).into()
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.body.fmt(f)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        status(self.body.code)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Some(seconds) = self.retry_after {
            response.insert_header((RETRY_AFTER, seconds));
        }
        if let Some(methods) = &self.allow {
            response.insert_header((ALLOW, methods.as_str()));
        }
        let mut body = json!({});
        if let Some(refused) = &self.refused {
            if refused.replayed {
                response.insert_header(REPLAYED);
            }
            body = serde_json::from_str(&refused.results).unwrap_or(body);
        }
        body["error"] = json!(self.body);
        if let Some(id) = self.submission_id {
            body["submission_id"] = json!(id);
        }
        response.json(body)
    }
}
