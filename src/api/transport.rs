//! HTTP requests and their answers, over TLS where the address says so.

use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::time::timeout;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may take; the gateway gives up before.
const TIMEOUT: Duration = Duration::from_secs(90);
/// The largest answer that is read, far beyond a page of a list and the results of a chunk.
const MAX_ANSWER: usize = 64 << 20;

/// Connections to one server. Follows no redirects: a POST would become a GET.
#[derive(Clone)]
pub(super) struct Transport(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Transport {
    /// For a server whose address begins with `http` or `https`.
    ///
    /// # Errors
    /// When the system knows no certificates by which to trust an `https` server.
    pub(super) fn new(scheme: &str) -> anyhow::Result<Self> {
        let mut trusted = RootCertStore::empty();
        if scheme == "https" {
            let found = rustls_native_certs::load_native_certs();
            let (added, _) = trusted.add_parsable_certificates(found.certs);
            ensure!(
                added > 0,
                "the system has no certificates to trust https:// by: install ca-certificates, or \
                 name some by SSL_CERT_FILE"
            );
        }
        // Named, because none is a process's default.
        let tls = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(trusted)
            .with_no_client_auth();
        let mut http = HttpConnector::new();
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        http.set_nodelay(true);
        http.enforce_http(false);
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
        let connector = connector.enable_http1().wrap_connector(http);
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector)))
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// What the network said.
    pub(super) async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, String> {
        let answered = async {
            let answer = self.0.request(request).await.map_err(|error| innermost(&error))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, MAX_ANSWER).collect().await;
            let body = body.map_err(|error| innermost(&*error))?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        let late = |_| Err(format!("it took more than {} seconds", TIMEOUT.as_secs()));
        timeout(TIMEOUT, answered).await.unwrap_or_else(late)
    }
}

/// The innermost cause says most.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
