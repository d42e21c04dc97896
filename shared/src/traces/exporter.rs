//! Exporting spans by OTLP over HTTP (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>).
//!
//! The library gathers finished spans in a queue that drops what does not fit, and exports from a
//! thread of its own: nobody ever waits for the collector. Headers, for a collector that wants a
//! password, are those of `OTEL_EXPORTER_OTLP_HEADERS`.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::Context;
use async_trait::async_trait;
use http_body_util::Full;
use hyper::Uri;
use opentelemetry_http::{Bytes, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SpanData, SpanExporter},
};
use tokio::runtime::Handle;

use crate::{
    http_client::{HttpClient, Limits},
    settings::SecretUrl,
};

/// How long one export may take. A collector says little in answer.
const TIMEOUT: Duration = Duration::from_secs(5);
const MAX_ANSWER: usize = 1 << 20;

/// Exports to this URL.
///
/// # Errors
/// When it is none, or the system knows no certificates by which to trust it.
pub(super) fn to(endpoint: &SecretUrl) -> anyhow::Result<Exporter> {
    let url: Uri = endpoint.expose().parse().context("the endpoint is no URL")?;
    let limits = Limits { timeout: TIMEOUT, max_answer: MAX_ANSWER };
    let http = HttpClient::new(url.scheme_str().unwrap_or_default(), limits)?;
    let client = Client { http, runtime: Handle::current() };
    let inner = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(TIMEOUT)
        .with_endpoint(endpoint.expose())
        .build()?;
    Ok(Exporter { inner, is_failing: AtomicBool::new(false) })
}

/// Exports, and says once when that begins to fail, and once when it works again.
#[derive(Debug)]
pub(super) struct Exporter {
    inner: opentelemetry_otlp::SpanExporter,
    is_failing: AtomicBool,
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let exported = self.inner.export(batch).await;
        let failed_before = self.is_failing.swap(exported.is_err(), Ordering::Relaxed);
        match &exported {
            Err(error) if !failed_before => {
                tracing::warn!(%error, "traces are lost, because they cannot be exported");
            }
            Ok(()) if failed_before => tracing::info!("traces are exported again"),
            Err(_) | Ok(()) => {}
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// Sends from the service's runtime what the exporter's thread, which has none, wants to send.
#[derive(Debug)]
struct Client {
    http: HttpClient,
    runtime: Handle,
}

#[async_trait]
impl opentelemetry_http::HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let http = self.http.clone();
        let sending = async move { http.send(request.map(Full::new)).await };
        Ok(self.runtime.spawn(sending).await??)
    }
}
