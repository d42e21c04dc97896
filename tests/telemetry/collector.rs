//! A collector of spans, as OTLP has it (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>).

use std::{
    collections::BTreeMap,
    net::TcpListener,
    sync::{Arc, Mutex},
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    web::{Bytes, Data, PayloadConfig, post},
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{ResourceSpans, Span as OtlpSpan, span::SpanKind, status::StatusCode},
};
use prost::Message;

/// A collector on a port of its own.
pub struct Collector {
    address: String,
    received: Data<Received>,
}

type Received = Arc<Mutex<Vec<Bytes>>>;

/// A span that came.
#[derive(Clone, Debug)]
pub struct Span {
    /// The service that it is of.
    pub service: String,
    pub name: String,
    pub kind: SpanKind,
    /// Hexadecimal, as in a `traceparent`.
    pub trace: String,
    pub id: String,
    pub parent: String,
    pub start: u64,
    pub end: u64,
    pub failed: bool,
    pub attributes: BTreeMap<String, String>,
}

impl Collector {
    /// Starts to listen.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let received = Data::new(Received::default());
        let data = received.clone();
        let app = move || {
            App::new()
                .app_data(data.clone())
                .app_data(PayloadConfig::new(64 << 20))
                .route("/v1/traces", post().to(take))
        };
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener);
        tokio::spawn(server.expect("it listens").run());
        Self { address, received }
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All that came, as it came.
    pub fn bytes(&self) -> Vec<Bytes> {
        self.received.lock().expect("no panic").clone()
    }

    /// All spans that came.
    pub fn spans(&self) -> Vec<Span> {
        let requests = self.bytes().into_iter().map(|bytes| {
            ExportTraceServiceRequest::decode(bytes).expect("a request to export spans")
        });
        requests.flat_map(|request| request.resource_spans).flat_map(spans).collect()
    }

    /// The spans of a trace, each under the one that it is part of, in the order in which they began,
    /// below the caller's.
    ///
    /// # Panics
    /// When one of them is part of none.
    pub fn tree(&self, trace: &str, caller: &str) -> String {
        let mut spans = self.spans();
        spans.retain(|span| span.trace == trace);
        spans.sort_by_key(|span| span.start);
        let mut text = String::new();
        let drawn = draw(&spans, caller, 0, &mut text);
        assert_eq!(drawn, spans.len(), "one tree: {spans:#?}\n{text}");
        text
    }
}

async fn take(request: HttpRequest, body: Bytes, received: Data<Received>) -> HttpResponse {
    let content_type = request.headers().get("content-type").expect("a content type");
    assert_eq!(content_type, "application/x-protobuf");
    received.lock().expect("no panic").push(body);
    HttpResponse::Ok().content_type("application/x-protobuf").finish()
}

fn draw(spans: &[Span], parent: &str, depth: usize, text: &mut String) -> usize {
    let children = spans.iter().filter(|span| span.parent == parent);
    let drawn = children.map(|span| {
        let Span { service, name, .. } = span;
        text.push_str(&format!("{:indent$}{service}: {name}\n", "", indent = 2 * depth));
        1 + draw(spans, &span.id, depth + 1, text)
    });
    drawn.sum()
}

fn spans(of_service: ResourceSpans) -> Vec<Span> {
    let resource = of_service.resource.expect("a resource");
    let about = attributes(&resource.attributes);
    assert_eq!(about["service.namespace"], "rollcall");
    let spans = of_service.scope_spans.into_iter().flat_map(|scope| scope.spans);
    spans.map(|span| read(&about["service.name"], &span)).collect()
}

fn read(service: &str, span: &OtlpSpan) -> Span {
    let hex = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect();
    let status = span.status.as_ref().map_or(StatusCode::Unset, |status| status.code());
    Span {
        service: service.to_owned(),
        name: span.name.clone(),
        kind: span.kind(),
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        start: span.start_time_unix_nano,
        end: span.end_time_unix_nano,
        failed: status == StatusCode::Error,
        attributes: attributes(&span.attributes),
    }
}

fn attributes(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        Value::BoolValue(flag) => flag.to_string(),
        other => panic!("nothing else is said of a span: {other:?}"),
    };
    let value = |pair: &KeyValue| pair.value.as_ref()?.value.as_ref().map(text);
    attributes.iter().filter_map(|pair| Some((pair.key.clone(), value(pair)?))).collect()
}
