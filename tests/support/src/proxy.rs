//! A TCP proxy between a service and its server, whose network can be made to fail.

mod commits;
mod connection;
#[cfg(test)]
mod tests;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use uuid::Uuid;

use connection::Connection;

/// Forwards connections to one server. Faults apply to all connections, open and new ones, until the
/// next call of [`Self::set`]. Connections end when the proxy is dropped.
pub struct Proxy {
    url: String,
    conditions: watch::Sender<Conditions>,
    is_listening: watch::Receiver<bool>,
    counts: Arc<Counts>,
    listener: JoinHandle<()>,
}

/// What is wrong with the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// New connections are refused. Open ones work.
    Refuse,
    /// A connection is cut once it has carried so many bytes, both ways together.
    CutAfter(u64, Close),
    /// Bytes vanish, and so does the end of a connection. A connection that has lost bytes stays silent
    /// that way after the fault, because the rest of its stream would make no sense.
    Drop(Way),
    /// Bytes wait. They arrive after the fault, as retransmitted packets do.
    Stall(Way),
    /// Everything arrives later by this much.
    Delay(Duration),
    /// Every so-manieth `COMMIT` of a PostgreSQL client cuts its connection.
    CutAtCommit(Moment, u64),
}

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// With a RST, as a crashed machine or a firewall does.
    Reset,
    /// With a FIN, as a process that ends does.
    Finish,
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the service to its server.
    ToServer,
    /// From the server to the service.
    ToClient,
    /// Both ways.
    Both,
}

/// When a connection is cut at a `COMMIT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The server does not get the `COMMIT`.
    Before,
    /// The server gets the `COMMIT`, the client does not get the answer.
    After,
}

/// The fault, and which connections have a fault of their own. Connections are numbered from 1.
#[derive(Clone, Copy)]
struct Conditions {
    fault: Fault,
    /// Connections up to this number are reset.
    reset: u64,
    /// Connections up to this number are silent.
    silent: u64,
}

#[derive(Default)]
struct Counts {
    accepted: AtomicU64,
    cut: AtomicU64,
    commits: AtomicU64,
}

impl Proxy {
    /// Starts a proxy before the server that this URL names.
    ///
    /// # Panics
    /// When the URL does not name one host and its port, or no port is free.
    pub async fn before(url: &str) -> Self {
        let target = host_and_port(url).to_owned();
        let listener = bind_free_port().await;
        let address = listener.local_addr().expect("bound");
        let url = url.replacen(&target, &address.to_string(), 1);
        let conditions = Conditions { fault: Fault::None, reset: 0, silent: 0 };
        let (conditions, told) = watch::channel(conditions);
        let (listening, is_listening) = watch::channel(true);
        let counts = Arc::<Counts>::default();
        let serve = serve(listener, address, target, told, listening, Arc::clone(&counts));
        Self { url, conditions, is_listening, counts, listener: tokio::spawn(serve) }
    }

    /// The URL to connect through the proxy.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Changes the fault, and returns when it is in effect for new connections.
    ///
    /// # Panics
    /// When the port of the proxy was taken while it refused connections.
    pub async fn set(&self, fault: Fault) {
        self.conditions.send_modify(|conditions| conditions.fault = fault);
        let mut listening = self.is_listening.clone();
        let changed = listening.wait_for(|listening| *listening == (fault != Fault::Refuse)).await;
        changed.expect("the proxy listens again");
    }

    /// Resets all open connections.
    pub fn reset_all(&self) {
        let open = self.accepted();
        self.conditions.send_modify(|conditions| conditions.reset = open);
    }

    /// Makes all open connections silent for good, both ways, and leaves new ones alone: the server of a
    /// half-open connection has gone without a word.
    pub fn silence_all(&self) {
        let open = self.accepted();
        self.conditions.send_modify(|conditions| conditions.silent = open);
    }

    /// How many connections there were.
    pub fn accepted(&self) -> u64 {
        self.counts.accepted.load(Ordering::Relaxed)
    }

    /// How many connections the proxy has cut.
    pub fn cut(&self) -> u64 {
        self.counts.cut.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn serve(
    listener: TcpListener,
    address: SocketAddr,
    target: String,
    conditions: watch::Receiver<Conditions>,
    listening: watch::Sender<bool>,
    counts: Arc<Counts>,
) {
    let (mut connections, mut changes) = (JoinSet::new(), conditions.clone());
    let mut open = Some(listener);
    loop {
        let is_refusing = changes.borrow_and_update().fault == Fault::Refuse;
        if is_refusing == open.is_some() {
            open = match is_refusing {
                true => None,
                false => Some(TcpListener::bind(address).await.expect("the port is still free")),
            };
            listening.send_replace(!is_refusing);
        }
        let accept = async {
            match &open {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            Some(_) = connections.join_next() => {}
            accepted = accept => {
                let Ok((client, _)) = accepted else { continue };
                let number = counts.accepted.fetch_add(1, Ordering::Relaxed) + 1;
                let connection = Connection::new(number, conditions.clone(), Arc::clone(&counts));
                connections.spawn(forward(client, target.clone(), connection));
            }
        }
    }
}

async fn forward(client: TcpStream, target: String, connection: Connection) {
    match TcpStream::connect(target).await {
        Ok(server) => connection.forward(client, server).await,
        // As the server would have done.
        Err(_) => _ = client.set_zero_linger(),
    }
}

/// Binds a port below those that the system gives to outgoing connections: such a connection would take
/// the port while the proxy refuses.
async fn bind_free_port() -> TcpListener {
    for _ in 0..100 {
        let port = 10_000 + Uuid::new_v4().as_u128() % 10_000;
        if let Ok(listener) = TcpListener::bind(format!("127.0.0.1:{port}")).await {
            return listener;
        }
    }
    panic!("no free port between 10000 and 20000");
}

/// The host and port that a URL names.
fn host_and_port(url: &str) -> &str {
    let (_, rest) = url.split_once("://").expect("a URL");
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}
