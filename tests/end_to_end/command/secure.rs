//! The API behind something that speaks TLS for it.

use std::sync::Arc;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use super::workplace::{Ran, Workplace};
use crate::system::System;

const LOCALHOST: &[u8] = include_bytes!("../../../gateway/src/callbacks/client/localhost.pem");

/// `https://localhost` at a port, in front of this address.
async fn in_front_of(address: &str) -> (u16, JoinHandle<()>) {
    let certificate = CertificateDer::from_pem_slice(LOCALHOST).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(LOCALHOST).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(vec![certificate], key));
    let acceptor = TlsAcceptor::from(Arc::new(config.expect("a certificate and its key")));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let address = address.to_owned();
    let serving = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            let (acceptor, address) = (acceptor.clone(), address.clone());
            tokio::spawn(async move {
                // A client that does not trust the certificate goes away.
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut behind = TcpStream::connect(address).await.expect("the gateway");
                let _ = copy_bidirectional(&mut stream, &mut behind).await;
            });
        }
    });
    (port, serving)
}

#[tokio::test(flavor = "multi_thread")]
async fn https_where_the_certificate_is_trusted() {
    let system = System::in_process().await;
    let place = Workplace::new(&system);
    let (port, serving) = in_front_of(system.address()).await;
    let campaign = system.acme.campaign("Secure").await.to_string();
    place.write("a.csv", "email\na@x.com\n");
    place.write("localhost.pem", LOCALHOST);
    let run = async |host: &str, trusted: &str| {
        let url = format!("https://{host}:{port}");
        let import = ["import", "a.csv", "--campaign", &campaign, "--patience", "0", "--url", &url];
        let mut command = place.command(&import);
        command.env("SSL_CERT_FILE", trusted).env_remove("SSL_CERT_DIR");
        Ran::from(command.output().await.expect("it can be run"))
    };
    run("localhost", "nowhere.pem").await.failed(1, "no certificates");
    // The certificate is another name's.
    run("127.0.0.1", "localhost.pem").await.failed(1, "certificate");
    assert_eq!(system.count("lead.leads").await, 0);
    let ran = run("localhost", "localhost.pem").await;
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(system.count("lead.leads").await, 1);
    serving.abort();
}
