//! The JSON body of a request.

use std::time::Duration;

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue},
    web,
};
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use shared::contract::ErrorCode;

use crate::{error::ApiError, state::State};

/// A body that was declared as JSON, read whole within its limits of size and time.
pub struct Body(pub Bytes);

impl FromRequest for Body {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (limit, time) = match request.app_data::<web::Data<State>>() {
            Some(state) => (
                state.settings.max_body_bytes,
                Duration::from_secs(state.settings.body_timeout_seconds),
            ),
            None => (0, Duration::ZERO),
        };
        let acceptable = acceptable(request.headers(), limit);
        let payload = web::Payload::from_request(request, payload);
        Box::pin(async move {
            acceptable?;
            let unreadable = || ApiError::bad_request("The body could not be read");
            let payload = payload.await.map_err(|_| unreadable())?;
            // The framework's own timers look at heads only.
            match tokio::time::timeout(time, payload.to_bytes_limited(limit)).await {
                Ok(Ok(Ok(body))) => Ok(Self(body)),
                Ok(Ok(Err(_))) => Err(unreadable()),
                Ok(Err(_)) => Err(too_large(limit)),
                Err(_) => Err(ApiError::bad_request("The body took too long to arrive")),
            }
        })
    }
}

/// Refuses by the head alone what cannot be read.
fn acceptable(headers: &HeaderMap, limit: usize) -> Result<(), ApiError> {
    readable(headers, limit)?;
    if !headers.get(CONTENT_TYPE).is_some_and(is_json) {
        return Err(unsupported("Content-Type must be application/json"));
    }
    Ok(())
}

/// Refuses by the head alone what is too long or encoded.
pub(super) fn readable(headers: &HeaderMap, limit: usize) -> Result<(), ApiError> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let length = text(CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    if length.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    if text(CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Err(unsupported("Content-Encoding is not supported"));
    }
    Ok(())
}

/// `application/json` or a `+json` type, in UTF-8 (RFC 8259 section 8.1).
pub(super) fn is_json(content_type: &HeaderValue) -> bool {
    is_application(content_type, |mime| {
        mime.subtype() == mime::JSON || mime.suffix() == Some(mime::JSON)
    })
}

/// Whether it is an application's type in UTF-8 that `subtype` accepts.
pub(super) fn is_application(
    content_type: &HeaderValue,
    subtype: impl Fn(&mime::Mime) -> bool,
) -> bool {
    let mime = content_type.to_str().ok().and_then(|text| text.parse::<mime::Mime>().ok());
    mime.is_some_and(|mime| {
        let charset = mime.get_param(mime::CHARSET);
        mime.type_() == mime::APPLICATION
            && charset.is_none_or(|charset| charset == mime::UTF_8)
            && subtype(&mime)
    })
}

pub(super) fn too_large(limit: usize) -> ApiError {
    ApiError::new(ErrorCode::PayloadTooLarge, format!("The body may hold {limit} bytes at most"))
}

pub(super) fn unsupported(message: &str) -> ApiError {
    ApiError::new(ErrorCode::UnsupportedMediaType, message)
}
