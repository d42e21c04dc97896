//! Traces: what became of a request, from HTTP through all services down to the database, told to a
//! collector by OTLP (docs/operations.md, "Traces"). Off unless a collector is set, and then without
//! cost.
//!
//! Spans are begun here and not by `tracing`: a batch is part of as many traces as it has
//! submissions; `rollcall up` is three services in one process; and no line of the log gets out this
//! way. An attribute is a number, an id or a word of ours, so that nothing personal can be one.

mod context;
mod exporter;
mod span;

use std::time::Duration;

use anyhow::Context as _;
use opentelemetry::{
    Context, KeyValue,
    trace::{TraceContextExt, TracerProvider},
};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracer, SdkTracerProvider},
};
use tokio::task::spawn_blocking;
use uuid::Uuid;

pub use context::TraceContext;
pub use span::{Kind, Span, Spans};

use crate::{origin::Origin, settings::SecretUrl};

/// How long the last spans may take to be exported when the process stops.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// Begins the spans of a service.
#[derive(Clone, Debug, Default)]
pub struct Tracer(Option<Tracing>);

#[derive(Clone, Debug)]
struct Tracing {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Tracer {
    /// Traces nothing; what callers say of their own traces is handed on all the same.
    pub fn off() -> Self {
        Self(None)
    }

    /// Traces what this service does, if there is an endpoint to export it to. The sampler and the
    /// size of batches and queue are those of the standard variables `OTEL_TRACES_SAMPLER` and
    /// `OTEL_BSP_*` (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>).
    ///
    /// # Errors
    /// When the endpoint cannot be used.
    pub fn start(service: &'static str, endpoint: Option<&SecretUrl>) -> anyhow::Result<Self> {
        let Some(endpoint) = endpoint else { return Ok(Self::off()) };
        let exporter = exporter::to(endpoint).context("traces cannot be exported")?;
        let about = [
            KeyValue::new("service.namespace", "rollcall"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        ];
        let resource =
            Resource::builder().with_service_name(service).with_attributes(about).build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource)
            .build();
        let tracer = provider.tracer("rollcall");
        Ok(Self(Some(Tracing { provider, tracer })))
    }

    /// Begins a span that is not part of another one here.
    pub fn span(&self, kind: Kind, parent: Option<TraceContext>) -> Span {
        match &self.0 {
            Some(Tracing { tracer, .. }) => Span::begin(tracer, kind, parent),
            None => Span::none(parent),
        }
    }

    /// Begins the span of a submission, which from now on is where the rest of it comes from.
    pub fn submission(
        &self,
        kind: Kind,
        id: Option<Uuid>,
        origin: &mut Origin,
        leads: usize,
    ) -> Span {
        let mut span = self.span(kind, origin.trace);
        origin.trace = span.context();
        if let Some(id) = id {
            span.set("rollcall.submission_id", id);
        }
        if let Some(id) = &origin.request_id {
            span.set("rollcall.request_id", id);
        }
        span.set("rollcall.leads", leads);
        span
    }

    /// Begins a span in each of these traces that is recorded.
    pub fn spans(
        &self,
        kind: Kind,
        parents: impl IntoIterator<Item = Option<TraceContext>>,
    ) -> Spans {
        if self.0.is_none() {
            return Spans::default();
        }
        let sampled = parents.into_iter().flatten().filter(TraceContext::is_sampled);
        sampled.map(|parent| self.span(kind, Some(parent))).collect()
    }

    /// Exports what is left, for some seconds at the most. Spans that end later are lost.
    pub async fn close(&self) {
        let Some(Tracing { provider, .. }) = self.0.clone() else { return };
        // It waits for the exporter's thread, which needs this runtime.
        let closed = spawn_blocking(move || provider.shutdown_with_timeout(CLOSE_TIMEOUT)).await;
        if !matches!(closed, Ok(Ok(()))) {
            tracing::warn!("the last traces were not exported");
        }
    }
}

/// The library's form of a parent.
fn within(parent: Option<TraceContext>) -> Context {
    let context = Context::new();
    match parent {
        Some(parent) => context.with_remote_span_context(parent.into()),
        None => context,
    }
}
