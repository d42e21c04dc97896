//! Posting a callback. One connection a request, to an address that was checked; no proxy, and no
//! redirect is followed.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Request, StatusCode,
    client::conn::http1,
    header::{CONTENT_TYPE, HOST, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName},
};
use url::{Host, Position, Url};

use super::Target;

/// A client.
#[derive(Default)]
pub(super) struct Client {
    /// Reading the system's certificates takes a while, and most gateways never need them.
    tls: OnceLock<Arc<ClientConfig>>,
}

/// Why there was no answer.
pub(super) type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Client {
    /// Posts JSON and returns the status of the answer, whose body nobody reads.
    pub(super) async fn post(
        &self,
        target: &Target,
        headers: [(&'static str, String); 3],
        body: String,
    ) -> Result<StatusCode, Failure> {
        let url = &target.url;
        let mut request = Request::post(&url[Position::BeforePath..Position::AfterQuery])
            .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
            .header(USER_AGENT, concat!("Rollcall/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::from(Bytes::from(body)))?;
        let stream = TcpStream::connect(&target.addresses[..]).await?;
        if url.scheme() == "https" {
            let tls = TlsConnector::from(Arc::clone(self.tls()?));
            send(tls.connect(server_name(url)?, stream).await?, request).await
        } else {
            send(stream, request).await
        }
    }

    fn tls(&self) -> Result<&Arc<ClientConfig>, Failure> {
        if let Some(config) = self.tls.get() {
            return Ok(config);
        }
        let config = config(system_certificates())?;
        Ok(self.tls.get_or_init(|| config))
    }
}

/// The certificates that the system trusts, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
fn system_certificates() -> RootCertStore {
    let mut trusted = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (added, _) = trusted.add_parsable_certificates(found.certs);
    if added == 0 {
        tracing::error!("the system has no certificates: callbacks over https cannot be sent");
    }
    trusted
}

fn config(trusted: RootCertStore) -> Result<Arc<ClientConfig>, Failure> {
    // Named, because one process may hold several, and none is its default.
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn server_name(url: &Url) -> Result<ServerName<'static>, Failure> {
    Ok(match url.host() {
        Some(Host::Domain(name)) => ServerName::try_from(name.to_owned())?,
        Some(Host::Ipv4(address)) => std::net::IpAddr::from(address).into(),
        Some(Host::Ipv6(address)) => std::net::IpAddr::from(address).into(),
        None => return Err("the URL has no host".into()),
    })
}

async fn send(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
) -> Result<StatusCode, Failure> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut answer = std::pin::pin!(sender.send_request(request));
    let answer = tokio::select! {
        answer = &mut answer => answer,
        // The receiver may close as soon as it has answered; what it answered is there then.
        _ = connection => answer.await,
    };
    Ok(answer?.status())
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };
    use tokio_rustls::{
        TlsAcceptor,
        rustls::{
            ServerConfig,
            pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        },
    };

    use super::*;

    const LOCALHOST: &[u8] = include_bytes!("client/localhost.pem");

    /// Is `https://localhost` and answers 204 to whatever it is sent.
    async fn serve(listener: TcpListener) {
        let certificate = CertificateDer::from_pem_slice(LOCALHOST).expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(LOCALHOST).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| {
                config.with_no_client_auth().with_single_cert(vec![certificate], key)
            });
        let acceptor = TlsAcceptor::from(Arc::new(config.expect("a certificate and its key")));
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            // A client that does not trust the certificate goes away.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = [0; 1_024];
            assert!(stream.read(&mut request).await.expect("a request") > 0);
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.expect("answered");
        }
    }

    async fn post(trusted: RootCertStore, host: &str) -> Result<StatusCode, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addresses = vec![listener.local_addr().expect("bound")];
        let serving = tokio::spawn(serve(listener));
        let client = Client::default();
        assert!(client.tls.set(config(trusted).expect("a configuration")).is_ok());
        let url = format!("https://{host}/hook").parse().expect("a URL");
        let headers = ["a", "b", "c"].map(|name| (name, "x".to_owned()));
        let answer = client.post(&Target { url, addresses }, headers, "{}".to_owned()).await;
        serving.abort();
        answer
    }

    #[tokio::test]
    async fn only_who_can_prove_its_name_is_called() {
        let certificate = CertificateDer::from_pem_slice(LOCALHOST).expect("a certificate");
        let mut trusted = RootCertStore::empty();
        trusted.add(certificate).expect("a certificate");
        let answer = post(trusted.clone(), "localhost").await.expect("an answer");
        assert_eq!(answer, StatusCode::NO_CONTENT);
        assert!(post(trusted, "example.com").await.is_err(), "another name");
        assert!(post(RootCertStore::empty(), "localhost").await.is_err(), "not trusted");
    }
}
