//! Connections on which no request is under way: how long they stay open.
//!
//! The framework has a deadline for the first head on a connection and for a connection that is
//! silent, but none for a later head that comes byte by byte, nor for an answer that nobody reads
//! (tests/end_to_end/bad_http/slow.rs). This one deadline bounds both.

use std::{
    any::Any,
    cell::Cell,
    net::{Shutdown, TcpStream as StdTcpStream},
    os::fd::AsFd,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    body::{BodySize, MessageBody},
    dev::Extensions,
    rt::{self, net::TcpStream, time::sleep_until},
};
use bytes::Bytes;
use tokio::{sync::oneshot, time::Instant};

/// What happens on one connection.
#[derive(Clone)]
pub struct Connection {
    activity: Rc<Activity>,
    /// Dropped with the connection.
    _open: Rc<oneshot::Sender<()>>,
}

struct Activity {
    /// Requests whose handlers are at work.
    requests: Cell<usize>,
    /// When the last request ended, a part of an answer was sent, or the connection was made.
    idle_since: Cell<Instant>,
}

/// One request under way on a connection.
pub struct UnderWay(Rc<Activity>);

impl Connection {
    /// Counts a request until the returned value is dropped.
    pub fn enter(&self) -> UnderWay {
        self.activity.requests.update(|requests| requests + 1);
        UnderWay(Rc::clone(&self.activity))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.requests.update(|requests| requests - 1);
        self.0.idle_since.set(Instant::now());
    }
}

/// An answer that is being sent. As long as the caller reads on, the connection is not idle.
pub struct Answering<B> {
    body: B,
    activity: Rc<Activity>,
}

impl Connection {
    /// Follows the sending of an answer.
    pub fn answering<B>(&self, body: B) -> Answering<B> {
        Answering { body, activity: Rc::clone(&self.activity) }
    }
}

impl<B: MessageBody + Unpin> MessageBody for Answering<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    /// Asked for the next part when there is room for it: when the caller has read what came before.
    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, B::Error>>> {
        self.activity.idle_since.set(Instant::now());
        Pin::new(&mut self.body).poll_next(context)
    }
}

impl<B> Drop for Answering<B> {
    fn drop(&mut self) {
        self.activity.idle_since.set(Instant::now());
    }
}

/// Watches every new connection, and closes it when no request was under way for so long, and no part of an
/// answer was taken.
pub fn watch(patience: Duration) -> impl Fn(&dyn Any, &mut Extensions) {
    move |stream, data| {
        let stream = stream.downcast_ref::<TcpStream>();
        // A second handle, because the framework keeps the first to itself. Where there are no more
        // descriptors, the next connection fails too, and this one is the least of the troubles.
        let Some(Ok(handle)) = stream.map(|stream| stream.as_fd().try_clone_to_owned()) else {
            return;
        };
        let (open, closed) = oneshot::channel();
        let activity =
            Rc::new(Activity { requests: Cell::new(0), idle_since: Cell::new(Instant::now()) });
        data.insert(Connection { activity: Rc::clone(&activity), _open: Rc::new(open) });
        rt::spawn(close_when_idle(handle.into(), activity, closed, patience));
    }
}

async fn close_when_idle(
    stream: StdTcpStream,
    activity: Rc<Activity>,
    mut closed: oneshot::Receiver<()>,
    patience: Duration,
) {
    loop {
        let now = Instant::now();
        let idle_since = if activity.requests.get() == 0 { activity.idle_since.get() } else { now };
        if now >= idle_since + patience {
            tracing::debug!("closed a connection on which no request came");
            // Fails only where the caller has closed it meanwhile.
            let _ = stream.shutdown(Shutdown::Both);
            return;
        }
        tokio::select! {
            _ = &mut closed => return,
            () = sleep_until(idle_since + patience) => {}
        }
    }
}
