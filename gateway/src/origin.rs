//! The request that is being answered: known to all that is done for it, however deep, without being
//! passed through every handler.

use actix_web::http::header::{HeaderMap, HeaderName};
use shared::{
    origin::{Origin, REQUEST_ID_HEADER, RequestId, TRACEPARENT_HEADER},
    traces::{Kind, Span, TraceContext, Tracer},
};

/// Names the request, in its head and in that of the answer.
pub const REQUEST_ID: HeaderName = HeaderName::from_static(REQUEST_ID_HEADER);
const TRACEPARENT: HeaderName = HeaderName::from_static(TRACEPARENT_HEADER);

tokio::task_local! {
    static CURRENT: Current;
}

struct Current {
    origin: Origin,
    tracer: Tracer,
}

/// What the headers of a request say; the id is a new one where they name none.
pub fn of(headers: &HeaderMap) -> (RequestId, Option<TraceContext>) {
    let id = text(headers, REQUEST_ID).and_then(|id| id.parse().ok()).unwrap_or_default();
    (id, text(headers, TRACEPARENT).and_then(|trace| trace.parse().ok()))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Does what comes from here.
pub async fn within<T>(origin: Origin, tracer: Tracer, work: impl Future<Output = T>) -> T {
    CURRENT.scope(Current { origin, tracer }, work).await
}

/// Where the work under way comes from; nowhere in particular outside of a request.
pub fn current() -> Origin {
    CURRENT.try_with(|current| current.origin.clone()).unwrap_or_default()
}

/// Begins a span for statements of the request under way.
pub fn sql(operation: &'static str, table: &'static str) -> Span {
    let kind = Kind::Sql { operation, table };
    CURRENT.try_with(|current| current.tracer.span(kind, current.origin.trace)).unwrap_or_default()
}
