//! HTTP requests to one server and their answers, over TLS where the address says so.

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

/// How much is waited for and read.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long an answer may take, from connecting to its last byte.
    pub timeout: Duration,
    /// The largest answer that is read, in bytes.
    pub max_answer: usize,
}

/// Connections to one server. Follows no redirects: a POST would become a GET.
#[derive(Clone, Debug)]
pub struct HttpClient {
    connections: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    limits: Limits,
}

impl HttpClient {
    /// For a server whose address begins with `http` or `https`.
    ///
    /// # Errors
    /// When the system knows no certificates by which to trust an `https` server.
    pub fn new(scheme: &str, limits: Limits) -> anyhow::Result<Self> {
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
        let connections = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { connections, limits })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// What the network said.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, String> {
        let Limits { timeout: patience, max_answer } = self.limits;
        let answered = async {
            let answer =
                self.connections.request(request).await.map_err(|error| innermost(&error))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, max_answer).collect().await;
            let body = body.map_err(|error| innermost(&*error))?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        let late = |_| Err(format!("it took more than {} seconds", patience.as_secs()));
        timeout(patience, answered).await.unwrap_or_else(late)
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
