//! Connecting: every step has a deadline, and a server that vanishes without a word is noticed.

use std::{io, time::Duration};

use diesel::{ConnectionError, ConnectionResult};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    net::{TcpStream, UnixStream},
    time::timeout,
};
use tokio_postgres::{Client, NoTls, config::Host};
use tokio_util::either::Either;

use super::{url::DatabaseUrl, watched::Watched};

/// How long the server may take from the connection to the end of the login.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long unacknowledged data may be on its way before the kernel gives the connection up; also how
/// long a silent connection waits until the kernel asks whether the other side is there.
const TCP_PATIENCE: Duration = Duration::from_secs(15);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);

/// Server-side deadlines for every connection. The lock timeout stays below the statement's, so
/// that waiting and working are told apart.
const DEADLINES: &str = "SET statement_timeout = '20s'; SET lock_timeout = '10s'; \
                         SET idle_in_transaction_session_timeout = '30s';";

/// How long the server may be silent while an answer is due: longer than any statement may take.
pub(super) const SILENCE: Duration = Duration::from_secs(25);

/// Connects to the first host that answers and fits. `silence` bounds how long a statement waits for a
/// server that does not answer; without it, a statement may take as long as it likes.
///
/// # Errors
/// What failed on each host, with host and port.
pub(super) async fn connect(
    url: &DatabaseUrl,
    silence: Option<Duration>,
) -> ConnectionResult<AsyncPgConnection> {
    let mut failures = Vec::new();
    for (host, port) in url.hosts() {
        let place = match &host {
            Host::Tcp(name) => format!("{name}:{port}"),
            Host::Unix(folder) => folder.display().to_string(),
        };
        match timeout(LOGIN_TIMEOUT, log_in(url, &host, port, silence)).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(reason)) => failures.push(format!("{place}: {reason}")),
            Err(_) => failures.push(format!("{place}: no answer within {LOGIN_TIMEOUT:?}")),
        }
    }
    let failures = failures.join("; ");
    Err(ConnectionError::BadConnection(format!("cannot connect to PostgreSQL at {failures}")))
}

async fn log_in(
    url: &DatabaseUrl,
    host: &Host,
    port: u16,
    silence: Option<Duration>,
) -> Result<AsyncPgConnection, String> {
    let stream = timeout(url.connect_timeout(), reach(host, port)).await;
    let stream = stream.map_err(|_| "no answer".to_owned())?.map_err(|error| error.to_string())?;
    let stream = Watched::new(stream, silence);
    let (client, connection) =
        url.config().connect_raw(stream, NoTls).await.map_err(|error| told(&error))?;
    // Ends with its client, or when the server is lost; then every statement fails.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = told(&error), "lost a connection to PostgreSQL");
        }
    });
    if url.wants_writes() && !takes_writes(&client).await? {
        return Err("the server takes no writes".to_owned());
    }
    let failed = |error: ConnectionError| error.to_string();
    let mut connection = AsyncPgConnection::try_from(client).await.map_err(failed)?;
    connection.batch_execute(DEADLINES).await.map_err(|error| error.to_string())?;
    Ok(connection)
}

async fn reach(host: &Host, port: u16) -> io::Result<Either<TcpStream, UnixStream>> {
    match host {
        Host::Tcp(name) => {
            let stream = TcpStream::connect((name.as_str(), port)).await?;
            stream.set_nodelay(true)?;
            let socket = SockRef::from(&stream);
            let keepalive = TcpKeepalive::new().with_time(TCP_PATIENCE);
            socket.set_tcp_keepalive(&keepalive.with_interval(KEEPALIVE_INTERVAL))?;
            #[cfg(target_os = "linux")]
            socket.set_tcp_user_timeout(Some(TCP_PATIENCE))?;
            Ok(Either::Left(stream))
        }
        Host::Unix(folder) => {
            let socket = folder.join(format!(".s.PGSQL.{port}"));
            Ok(Either::Right(UnixStream::connect(socket).await?))
        }
    }
}

async fn takes_writes(client: &Client) -> Result<bool, String> {
    let rows = client.simple_query("SHOW transaction_read_only").await;
    let rows = rows.map_err(|error| told(&error))?;
    Ok(rows.iter().any(|row| match row {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0) == Some("off"),
        _ => false,
    }))
}

/// The server's own words where there are some; the client library's alone name no cause.
fn told(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), std::error::Error::source(error)) {
        (Some(told), _) => told.message().to_owned(),
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
    }
}
