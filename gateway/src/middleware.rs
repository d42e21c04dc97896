//! What happens around every request: its id, its caller, its share of the rate limit.

use std::{sync::Arc, time::Instant};

use actix_web::{
    Error, HttpMessage, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        ConnectionType, StatusCode,
        header::{HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use shared::contract::ErrorBody;
use uuid::Uuid;

use crate::{
    auth::Caller, connections::Connection, console, error::ApiError, limits::Allowance,
    scopes::Scope, specification, state::State,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest request id that is taken over from a caller.
const MAX_REQUEST_ID: usize = 128;

/// Routes that need no key, beside [`specification::PATHS`] and the console.
const PUBLIC: [&str; 2] = ["/health", "/ready"];

/// Counts the request as under way and then its answer, and gives its response an `X-Request-Id`:
/// the caller's own, where it sent a sensible one.
pub async fn accompany(
    state: Data<State>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let _entered = state.in_flight.enter();
    let _under_way = request.conn_data::<Connection>().map(Connection::enter);
    let begun = Instant::now();
    let id = taken_over(request.headers()).unwrap_or_else(new_request_id);
    let mut response = next.call(request).await?.map_into_boxed_body();
    let route = response.request().match_pattern();
    if response.status().is_server_error() {
        tracing::warn!(request_id = ?id, status = %response.status(), ?route, "request failed");
    }
    if !PUBLIC.contains(&response.request().path()) {
        let method = response.request().method();
        state.metrics.answered(route, method, response.status(), begun.elapsed());
    }
    response.headers_mut().insert(REQUEST_ID, id);
    if state.in_flight.stopping() {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}

fn taken_over(headers: &HeaderMap) -> Option<HeaderValue> {
    let id = headers.get(REQUEST_ID)?;
    let sensible = (1..=MAX_REQUEST_ID).contains(&id.len())
        && id.as_bytes().iter().all(|byte| byte.is_ascii_graphic());
    sensible.then(|| id.clone())
}

fn new_request_id() -> HeaderValue {
    let id = Uuid::now_v7().to_string();
    HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("none"))
}

/// Lets only callers with a key pass, and only as often as the key may. Tells them how often.
pub async fn authenticate(
    state: Data<State>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let path = request.path();
    if PUBLIC.iter().chain(&specification::PATHS).any(|public| *public == path)
        || console::is_at(path)
    {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    match state.authenticator.caller(request.headers()).await {
        Ok(caller) => limited(&state, caller, request, next).await,
        // There is nothing to protect where there is nothing.
        Err(_) if request.match_pattern().is_none() => {
            Ok(refuse(request, &ApiError::no_such_route()))
        }
        Err(error) => {
            if error.status_code() == StatusCode::UNAUTHORIZED {
                state.metrics.keys_refused.increment(1);
            }
            Ok(refuse(request, &error))
        }
    }
}

async fn limited(
    state: &State,
    caller: Arc<Caller>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let allowance: Allowance = caller.limiter.count();
    let mut response = match allowance.retry_after {
        Some(seconds) => {
            state.metrics.rate_limited.increment(1);
            refuse(request, &ApiError::rate_limited(seconds))
        }
        None => {
            request.extensions_mut().insert(caller);
            next.call(request).await?.map_into_boxed_body()
        }
    };
    allowance.write(response.headers_mut());
    Ok(response)
}

/// Lets only keys with this scope pass.
pub async fn require(
    scope: Scope,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    // Put there by `limited`, which every request with a key has passed.
    let caller = request.extensions().get::<Arc<Caller>>().cloned();
    match caller {
        Some(caller) if caller.scopes.allow(scope) => {
            Ok(next.call(request).await?.map_into_boxed_body())
        }
        Some(_) => Ok(refuse(request, &ApiError::lacks_scope(scope))),
        None => Ok(refuse(request, &ErrorBody::internal().into())),
    }
}

fn refuse(request: ServiceRequest, error: &ApiError) -> ServiceResponse<BoxBody> {
    request.into_response(error.error_response())
}
