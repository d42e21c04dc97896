//! One connection to a node of the broker, on a socket that can be closed from outside.

use std::{
    net::Shutdown,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_compat::CompatExt;
use lapin::{
    Channel, Connection, ConnectionProperties, runtime::default_runtime, tcp::AsyncTcpStream,
    uri::AMQPUri,
};
use socket2::{SockRef, Socket, TcpKeepalive};
use tokio::{net::TcpStream, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    addresses::host_and_port,
    bounded::{STEP, StepError, step, step_within},
};

/// How long unacknowledged data may be on its way before the kernel gives the connection up; also how
/// long a silent connection waits until the kernel asks whether the other side is there.
const TCP_PATIENCE: Duration = Duration::from_secs(15);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
/// AMQP's code for a close without an error.
const REPLY_SUCCESS: u16 = 200;

/// A connection. Dropped, it is gone at once: the client library's own thread ends with the socket, even
/// where the broker never answers.
pub(super) struct Wire {
    connection: Connection,
    socket: SocketHandle,
}

impl Wire {
    /// Connects and logs in within this time.
    ///
    /// # Errors
    /// What failed, with host and port, without user and password.
    pub(super) async fn connect(
        uri: &AMQPUri,
        properties: ConnectionProperties,
        limit: Duration,
    ) -> Result<Self, String> {
        let socket = SocketHandle::default();
        let node = host_and_port(uri);
        let failed = |reason: String| format!("cannot connect to RabbitMQ at {node}: {reason}");
        let opening = open(uri.clone(), properties, socket.clone(), limit);
        match timeout(limit, opening).await {
            Ok(Ok(connection)) => Ok(Self { connection, socket }),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(_) => {
                // Ends the thread that still waits for the broker.
                socket.shut_down();
                Err(failed(format!("no answer within {limit:?}")))
            }
        }
    }

    /// Opens a channel.
    ///
    /// # Errors
    /// When the broker does not open it in time.
    pub(super) async fn channel(&self, lost: &CancellationToken) -> Result<Channel, StepError> {
        step("opening a channel", lost, self.connection.create_channel()).await
    }

    /// The connection itself.
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Ends the connection at once.
    pub(super) fn shut_down(&self) {
        self.socket.shut_down();
    }

    /// Closes in good order, where the broker still answers.
    pub(super) async fn close(&self) {
        let never = CancellationToken::new();
        let closing = self.connection.close(REPLY_SUCCESS, "OK".into());
        // A connection that is lost cannot be closed; dropping it ends it.
        let _ = step_within(STEP, "closing the connection", &never, closing).await;
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.socket.shut_down();
    }
}

async fn open(
    uri: AMQPUri,
    properties: ConnectionProperties,
    socket: SocketHandle,
    limit: Duration,
) -> lapin::Result<Connection> {
    let connect = async move |uri: AMQPUri, _| {
        let address = (uri.authority.host.as_str(), uri.authority.port);
        let stream = timeout(limit, TcpStream::connect(address)).await;
        let stream = stream.map_err(std::io::Error::from).flatten()?;
        stream.set_nodelay(true)?;
        let own = SockRef::from(&stream);
        let keepalive = TcpKeepalive::new().with_time(TCP_PATIENCE);
        own.set_tcp_keepalive(&keepalive.with_interval(KEEPALIVE_INTERVAL))?;
        #[cfg(target_os = "linux")]
        own.set_tcp_user_timeout(Some(TCP_PATIENCE))?;
        socket.keep(own.try_clone()?);
        Ok(AsyncTcpStream::Plain(stream.compat()))
    };
    Connection::connector(uri, default_runtime()?, connect, properties).await
}

/// A second handle of a socket, once there is one.
#[derive(Clone, Default)]
struct SocketHandle(Arc<Mutex<Handle>>);

#[derive(Default)]
enum Handle {
    #[default]
    None,
    Open(Socket),
    ShutDown,
}

impl SocketHandle {
    fn keep(&self, socket: Socket) {
        let mut handle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*handle, Handle::ShutDown) {
            // Given up while it connected.
            let _ = socket.shutdown(Shutdown::Both);
        } else {
            *handle = Handle::Open(socket);
        }
    }

    fn shut_down(&self) {
        let mut handle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Handle::Open(socket) = std::mem::replace(&mut *handle, Handle::ShutDown) {
            // Fails only where the connection is closed already.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}
