//! What happens around every request: its id, its caller, its share of the rate limit.

use std::{sync::Arc, time::Instant};

use actix_web::{
    Error, HttpMessage, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{ConnectionType, Method, StatusCode, header::HeaderValue},
    middleware::Next,
    web::Data,
};
use shared::{
    contract::ErrorBody,
    origin::{Origin, RequestId},
    traces::{Kind, Tracer},
};
use tracing::field::display;
use uuid::Uuid;

use crate::{
    auth::Caller,
    connections::Connection,
    console,
    error::ApiError,
    limits::Allowance,
    metrics,
    origin::{self, REQUEST_ID},
    scopes::Scope,
    specification,
    state::State,
};

/// Routes that need no key, beside [`specification::PATHS`] and the console.
const PUBLIC: [&str; 2] = ["/health", "/ready"];

/// Counts the request as under way and then its answer, traces it, and gives its response an
/// `X-Request-Id`: the caller's own, where it sent a sensible one.
pub async fn accompany(
    state: Data<State>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let _entered = state.in_flight.enter();
    let connection = request.conn_data::<Connection>().cloned();
    let _under_way = connection.as_ref().map(Connection::enter);
    let begun = Instant::now();
    let (id, trace) = origin::of(request.headers());
    let is_probe = PUBLIC.contains(&request.path());
    let tracer = if is_probe { Tracer::off() } else { state.tracer.clone() };
    let method = metrics::method(request.method());
    let mut span = tracer.span(Kind::Http { method }, trace);
    span.set("rollcall.request_id", &id);
    let origin = Origin { request_id: Some(id.clone()), trace: span.context() };
    if request.method() == Method::HEAD {
        // Answered like GET; the framework leaves the body out
        // (<https://www.rfc-editor.org/rfc/rfc9110#name-head>).
        request.head_mut().method = Method::GET;
    }
    let answered = origin::within(origin, tracer, next.call(request));
    let mut response = answered.await?.map_into_boxed_body();
    let (route, status) = (response.request().match_pattern(), response.status());
    span.answered(method, route.as_deref(), status.as_u16());
    if status.is_server_error() {
        let submission_id = submission_id(&response).map(display);
        tracing::warn!(request_id = %id, submission_id, %status, ?route, "request failed");
    }
    if !is_probe {
        state.metrics.answered(route, method, status, begun.elapsed());
    }
    response.headers_mut().insert(REQUEST_ID, header(&id));
    if state.in_flight.stopping() {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response.map_body(|_, body| match connection {
        Some(connection) => connection.answering(body).boxed(),
        None => body,
    }))
}

/// The submission whose result a failed request did not get.
fn submission_id(response: &ServiceResponse<BoxBody>) -> Option<Uuid> {
    response.response().error()?.as_error::<ApiError>()?.submission_id()
}

fn header(id: &RequestId) -> HeaderValue {
    // Visible ASCII, so it can be one.
    HeaderValue::try_from(id.to_string()).unwrap_or(HeaderValue::from_static("none"))
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
