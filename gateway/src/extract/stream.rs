//! A body that is read while it arrives.

use std::time::Duration;

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{CONTENT_TYPE, HeaderMap},
    web,
};
use bytes::Bytes;
use futures_util::{StreamExt, future::LocalBoxFuture};
use tokio::time::{Instant, timeout_at};

use super::body::{is_application, is_json, readable, too_large, unsupported};
use crate::{error::ApiError, state::State};

/// What a body is declared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON document.
    Json,
    /// A JSON value a line.
    Lines,
}

/// The body of a big submission. Bounded in size, in time, and in the time without progress.
pub struct BodyStream {
    /// What it is declared as.
    pub format: Format,
    payload: web::Payload,
    limit: usize,
    length: usize,
    patience: Duration,
    until: Instant,
}

impl BodyStream {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// 413 and 400 when it is too long, too slow, or breaks off.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        let deadline = self.until.min(Instant::now() + self.patience);
        let bytes = match timeout_at(deadline, self.payload.next()).await {
            Ok(Some(Ok(bytes))) => bytes,
            Ok(Some(Err(_))) => return Err(ApiError::bad_request("The body could not be read")),
            Ok(None) => return Ok(None),
            Err(_) => return Err(ApiError::bad_request("The body took too long to arrive")),
        };
        self.length += bytes.len();
        if self.length > self.limit {
            return Err(too_large(self.limit));
        }
        Ok(Some(bytes))
    }
}

impl FromRequest for BodyStream {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let settings = request.app_data::<web::Data<State>>().map(|state| &state.settings);
        let limit = settings.map_or(0, |settings| settings.max_submission_bytes);
        let seconds = settings.map_or(0, |settings| settings.submission_timeout_seconds);
        let patience = settings.map_or(0, |settings| settings.body_timeout_seconds);
        let format = format(request.headers(), limit);
        let payload = web::Payload::from_request(request, payload);
        Box::pin(async move {
            let format = format?;
            let payload = payload.await;
            Ok(Self {
                format,
                payload: payload
                    .map_err(|_| ApiError::bad_request("The body could not be read"))?,
                limit,
                length: 0,
                patience: Duration::from_secs(patience),
                until: Instant::now() + Duration::from_secs(seconds),
            })
        })
    }
}

fn format(headers: &HeaderMap, limit: usize) -> Result<Format, ApiError> {
    readable(headers, limit)?;
    let is_lines = |mime: &mime::Mime| {
        ["x-ndjson", "ndjson", "jsonl", "x-jsonlines"].contains(&mime.subtype().as_str())
    };
    match headers.get(CONTENT_TYPE) {
        Some(content_type) if is_json(content_type) => Ok(Format::Json),
        Some(content_type) if is_application(content_type, is_lines) => Ok(Format::Lines),
        Some(_) | None => {
            Err(unsupported("Content-Type must be application/json or application/x-ndjson"))
        }
    }
}
