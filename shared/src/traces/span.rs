//! Spans, named and described by OpenTelemetry's semantic conventions
//! (<https://opentelemetry.io/docs/specs/semconv/>).

use std::borrow::Cow;

use opentelemetry::{
    KeyValue, Value,
    trace::{Span as _, SpanKind, Status, Tracer as _},
};
use opentelemetry_sdk::trace::{SdkTracer, Span as SdkSpan};
use uuid::Uuid;

use super::{TraceContext, within};
use crate::{contract::ErrorBody, origin::RequestId};

/// What kind of work a span is.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A request that came over HTTP.
    Http {
        /// One of the known methods.
        method: &'static str,
    },
    /// Sending a message.
    Send {
        /// Where to.
        queue: &'static str,
    },
    /// Working on a message, or on a submission of one.
    Process {
        /// Where from.
        queue: &'static str,
    },
    /// Statements in the database, with the time on their way.
    Sql {
        /// The statement that gives them their name.
        operation: &'static str,
        /// The table, with its schema.
        table: &'static str,
    },
}

impl Kind {
    fn name(self) -> Cow<'static, str> {
        match self {
            Self::Http { method } => method.into(),
            Self::Send { queue } => format!("send {queue}").into(),
            Self::Process { queue } => format!("process {queue}").into(),
            Self::Sql { operation, table } => format!("{operation} {table}").into(),
        }
    }

    fn span_kind(self) -> SpanKind {
        match self {
            Self::Http { .. } => SpanKind::Server,
            Self::Send { .. } => SpanKind::Producer,
            Self::Process { .. } => SpanKind::Consumer,
            Self::Sql { .. } => SpanKind::Client,
        }
    }

    fn attributes(self) -> Vec<KeyValue> {
        let message = |operation, queue| {
            vec![
                KeyValue::new("messaging.operation.type", operation),
                KeyValue::new("messaging.destination.name", queue),
            ]
        };
        match self {
            Self::Http { method } => vec![KeyValue::new("http.request.method", method)],
            Self::Send { queue } => message("send", queue),
            Self::Process { queue } => message("process", queue),
            Self::Sql { operation, table } => vec![
                KeyValue::new("db.system.name", "postgresql"),
                KeyValue::new("db.operation.name", operation),
                KeyValue::new("db.collection.name", table),
            ],
        }
    }
}

/// A piece of work within a trace, from its beginning until it is dropped.
#[derive(Debug)]
pub struct Span(State);

#[derive(Debug)]
enum State {
    /// Nobody looks; what is part of it is part of this instead.
    Unseen(Option<TraceContext>),
    Recording(Box<Recording>),
}

#[derive(Debug)]
struct Recording {
    tracer: SdkTracer,
    span: SdkSpan,
}

/// One that nobody looks at.
impl Default for Span {
    fn default() -> Self {
        Self::none(None)
    }
}

impl Span {
    pub(super) fn none(parent: Option<TraceContext>) -> Self {
        Self(State::Unseen(parent))
    }

    pub(super) fn begin(tracer: &SdkTracer, kind: Kind, parent: Option<TraceContext>) -> Self {
        let builder = tracer.span_builder(kind.name()).with_kind(kind.span_kind());
        let builder = builder.with_attributes(kind.attributes());
        let span = builder.start_with_context(tracer, &within(parent));
        if !span.is_recording() {
            return Self::none(Some(span.span_context().into()));
        }
        let tracer = tracer.clone();
        Self(State::Recording(Box::new(Recording { tracer, span })))
    }

    /// What follows from it is part of this.
    pub fn context(&self) -> Option<TraceContext> {
        match &self.0 {
            State::Unseen(parent) => *parent,
            State::Recording(recording) => Some(recording.span.span_context().into()),
        }
    }

    /// Begins a span that is part of this one.
    #[must_use]
    pub fn child(&self, kind: Kind) -> Self {
        match &self.0 {
            State::Unseen(parent) => Self::none(*parent),
            State::Recording(recording) => Self::begin(&recording.tracer, kind, self.context()),
        }
    }

    /// Says more about it.
    pub fn set(&mut self, name: &'static str, value: impl Into<Attribute>) {
        self.with(|span| span.set_attribute(KeyValue::new(name, value.into().0)));
    }

    /// Marks a moment.
    pub fn event(&mut self, name: &'static str) {
        self.with(|span| span.add_event(name, vec![]));
    }

    /// Says that it went wrong, and how.
    pub fn failed(&mut self, how: &'static str) {
        self.with(|span| {
            span.set_attribute(KeyValue::new("error.type", how));
            span.set_status(Status::error(""));
        });
    }

    /// Says that it ended with this error, unless that is the caller's own.
    pub fn refused(&mut self, error: &ErrorBody) {
        if let Some(fault) = error.code.fault() {
            self.failed(fault);
        }
    }

    /// Says what a request over HTTP was and how it was answered.
    pub fn answered(&mut self, method: &'static str, route: Option<&str>, status: u16) {
        self.with(|span| {
            if let Some(route) = route {
                span.update_name(format!("{method} {route}"));
                span.set_attribute(KeyValue::new("http.route", route.to_owned()));
            }
            span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
            if status >= 500 {
                span.set_attribute(KeyValue::new("error.type", i64::from(status).to_string()));
                span.set_status(Status::error(""));
            }
        });
    }

    fn with(&mut self, change: impl FnOnce(&mut SdkSpan)) {
        if let State::Recording(recording) = &mut self.0 {
            change(&mut recording.span);
        }
    }
}

/// Work that is part of several traces at once: a span in each of those that are recorded.
#[derive(Debug, Default)]
pub struct Spans(Vec<Span>);

impl Spans {
    /// Does the work, which ends these spans.
    ///
    /// # Errors
    /// As the work has them; the spans say only that.
    pub async fn around<T, E>(mut self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let done = work.await;
        if done.is_err() {
            self.0.iter_mut().for_each(|span| span.failed("_OTHER"));
        }
        done
    }
}

impl FromIterator<Span> for Spans {
    fn from_iter<I: IntoIterator<Item = Span>>(spans: I) -> Self {
        Self(spans.into_iter().filter(|span| matches!(span.0, State::Recording(_))).collect())
    }
}

/// What can be said of a span: nothing that a caller wrote, but for the request's id.
#[derive(Debug)]
pub struct Attribute(Value);

impl From<usize> for Attribute {
    fn from(number: usize) -> Self {
        Self(i64::try_from(number).unwrap_or(i64::MAX).into())
    }
}

impl From<bool> for Attribute {
    fn from(flag: bool) -> Self {
        Self(flag.into())
    }
}

impl From<Uuid> for Attribute {
    fn from(id: Uuid) -> Self {
        Self(id.to_string().into())
    }
}

impl From<&RequestId> for Attribute {
    fn from(id: &RequestId) -> Self {
        Self(id.to_string().into())
    }
}
