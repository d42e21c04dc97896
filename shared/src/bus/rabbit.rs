//! The bus on RabbitMQ 3.10 or later.
//!
//! A supervisor of our own holds one [`Link`] and builds it anew, whole, on any error: lapin's
//! recovery is young and leaves channel errors alone. Publishers wait for the next link, calls
//! publish again on it, subscriptions consume again from it.

mod browser;
mod convert;
mod depths;
mod link;
mod subscription;
mod topology;

use std::{str::FromStr, sync::Arc, time::Duration};

use async_trait::async_trait;
use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use lapin::{ConnectionProperties, uri::AMQPUri};
use metrics::counter;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;

use self::{
    browser::RabbitBrowser,
    convert::Target,
    link::{Link, PublishError},
    subscription::RabbitSubscription,
};
pub use self::{
    depths::{Depth, depths},
    topology::EXCHANGE,
};
use super::{
    BatchLimit, Browser, Bus, BusError, Message, Queue, Status, Subscription, replies::Replies,
};
use crate::metrics::BUS_CONNECTS;

/// Seconds without a frame after which a connection counts as dead; the vendor advises 5 to 20
/// (<https://www.rabbitmq.com/docs/heartbeats>).
const HEARTBEAT_SECONDS: u16 = 10;
/// How long one attempt to connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A bus on a RabbitMQ broker.
pub struct RabbitBus {
    uri: AMQPUri,
    name: String,
    state: watch::Receiver<State>,
    replies: Replies,
    stop: CancellationToken,
}

#[derive(Clone)]
enum State {
    Down(String),
    Up(Arc<Link>),
}

impl RabbitBus {
    /// Starts to connect, and goes on trying for as long as the bus lives.
    ///
    /// `name` is what the broker's operator sees of these connections.
    ///
    /// # Errors
    /// When `url` is no AMQP URL.
    pub fn start(url: &str, name: &str) -> Result<Self, String> {
        let mut uri = AMQPUri::from_str(url)?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
        uri.query.connection_timeout.get_or_insert(CONNECT_TIMEOUT.as_millis() as u64);
        let (sender, state) = watch::channel(State::Down("not connected yet".to_owned()));
        let (replies, stop) = (Replies::default(), CancellationToken::new());
        let bus = Self { uri: uri.clone(), name: name.to_owned(), state, replies, stop };
        let supervisor = Supervisor {
            uri,
            name: name.to_owned(),
            replies: bus.replies.clone(),
            state: sender,
            stop: bus.stop.clone(),
        };
        tokio::spawn(supervisor.run());
        Ok(bus)
    }

    async fn publish_to(
        &self,
        target: Target<'_>,
        message: &Message,
        deadline: Instant,
    ) -> Result<(), BusError> {
        let mut pauses = backoff();
        loop {
            let link = usable_link(&self.state, deadline).await?;
            match self.publish_once(&link, target, message, deadline).await {
                Err(PublishError::LinkLost) => {}
                Err(PublishError::Refused(error)) => {
                    tracing::warn!(%error, "trying to publish again");
                    let pause = sleep(pauses.next().unwrap_or_default());
                    timeout_at(deadline, pause).await.map_err(|_| error)?;
                }
                Ok(()) => return Ok(()),
            }
        }
    }

    async fn publish_once(
        &self,
        link: &Link,
        target: Target<'_>,
        message: &Message,
        deadline: Instant,
    ) -> Result<(), PublishError> {
        timeout_at(deadline, link.publish(target, message, deadline))
            .await
            .unwrap_or(Err(PublishError::Refused(BusError::Timeout)))
    }
}

/// Waits for a link that is not known to be lost.
async fn usable_link(
    state: &watch::Receiver<State>,
    deadline: Instant,
) -> Result<Arc<Link>, BusError> {
    let mut state = state.clone();
    let usable = state.wait_for(|state| matches!(state, State::Up(link) if !link.is_lost()));
    let unavailable = |reason: &str| BusError::Unavailable(reason.to_owned());
    match timeout_at(deadline, usable).await {
        Ok(Ok(state)) => match &*state {
            State::Up(link) => Ok(link.clone()),
            State::Down(reason) => Err(unavailable(reason)),
        },
        Ok(Err(_)) => Err(unavailable("the bus is closed")),
        Err(_) => Err(unavailable("not connected")),
    }
}

#[async_trait]
impl Bus for RabbitBus {
    async fn publish(
        &self,
        queue: Queue,
        message: Message,
        deadline: Instant,
    ) -> Result<(), BusError> {
        self.publish_to(Target::Queue(queue), &message, deadline).await
    }

    async fn reply(
        &self,
        request: &Message,
        body: Bytes,
        deadline: Instant,
    ) -> Result<(), BusError> {
        let Some(address) = request.reply_to.as_deref() else { return Ok(()) };
        let reply =
            Message { body, correlation_id: request.correlation_id.clone(), ..Message::default() };
        self.publish_to(Target::Reply(address), &reply, deadline).await
    }

    async fn call(
        &self,
        queue: Queue,
        request: Message,
        deadline: Instant,
    ) -> Result<Bytes, BusError> {
        let mut waiting = self.replies.wait();
        loop {
            let link = usable_link(&self.state, deadline).await?;
            if let Some(reason) = link.blocked() {
                return Err(BusError::Unavailable(reason));
            }
            let request = Message {
                reply_to: Some(link.reply_queue().to_owned()),
                correlation_id: Some(waiting.correlation_id.clone()),
                ..request.clone()
            };
            match self.publish_once(&link, Target::Queue(queue), &request, deadline).await {
                Err(PublishError::LinkLost) => continue,
                Err(PublishError::Refused(error)) => return Err(error),
                Ok(()) => {}
            }
            tokio::select! {
                biased;
                reply = &mut waiting.reply => return reply.map_err(|_| BusError::Timeout),
                () = link.lost() => {}
                () = tokio::time::sleep_until(deadline) => return Err(BusError::Timeout),
            }
        }
    }

    fn subscribe(&self, queue: Queue, limit: BatchLimit) -> Box<dyn Subscription> {
        Box::new(RabbitSubscription::new(self.state.clone(), queue, limit))
    }

    async fn browse(&self, queue: Queue, deadline: Instant) -> Result<Box<dyn Browser>, BusError> {
        // Which has declared the queues.
        usable_link(&self.state, deadline).await?;
        let (uri, properties) = (self.uri.clone(), properties(&self.name));
        Ok(Box::new(RabbitBrowser::open(uri, properties, queue, deadline).await?))
    }

    async fn depth(&self, queue: Queue, deadline: Instant) -> Result<u32, BusError> {
        let link = usable_link(&self.state, deadline).await?;
        let unavailable = |error: lapin::Error| BusError::Unavailable(error.to_string());
        match timeout_at(deadline, link.depth(queue)).await {
            Ok(depth) => depth.map_err(unavailable),
            Err(_) => Err(BusError::Timeout),
        }
    }

    fn status(&self) -> Status {
        match &*self.state.borrow() {
            State::Up(link) if link.is_lost() => Status::Unavailable("connection lost".to_owned()),
            State::Up(link) => link.blocked().map_or(Status::Ready, Status::Unavailable),
            State::Down(reason) => Status::Unavailable(reason.clone()),
        }
    }

    async fn close(&self) {
        self.stop.cancel();
        let mut state = self.state.clone();
        // The supervisor closes the link and then drops its end.
        while state.changed().await.is_ok() {}
    }
}

impl Drop for RabbitBus {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Keeps a link up.
struct Supervisor {
    uri: AMQPUri,
    name: String,
    replies: Replies,
    state: watch::Sender<State>,
    stop: CancellationToken,
}

impl Supervisor {
    async fn run(self) {
        let stop = self.stop.clone();
        let connects = counter!(BUS_CONNECTS);
        let mut backoff = backoff();
        while !stop.is_cancelled() {
            let opened = tokio::select! {
                () = stop.cancelled() => break,
                opened = self.open() => opened,
            };
            let reason = match opened {
                Ok(link) => {
                    tracing::info!("connected to the message broker");
                    connects.increment(1);
                    backoff = self::backoff();
                    let link = Arc::new(link);
                    self.state.send_replace(State::Up(link.clone()));
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = link.lost() => {}
                    }
                    link.close().await;
                    "connection lost".to_owned()
                }
                Err(reason) => reason,
            };
            if stop.is_cancelled() {
                break;
            }
            let pause = backoff.next().unwrap_or_default();
            tracing::warn!(%reason, pause_ms = pause.as_millis() as u64, "no message broker");
            self.state.send_replace(State::Down(reason));
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep(pause) => {}
            }
        }
    }

    async fn open(&self) -> Result<Link, String> {
        let opened = Link::open(&self.uri, || properties(&self.name), self.replies.clone());
        match tokio::time::timeout(CONNECT_TIMEOUT, opened).await {
            Ok(opened) => opened.map_err(|error| error.to_string()),
            Err(_) => Err("connecting took too long".to_owned()),
        }
    }
}

/// What the broker's operator sees of a connection.
fn properties(name: &str) -> ConnectionProperties {
    ConnectionProperties::default().with_connection_name(name.into())
}

/// 0.1 s to 5 s with jitter, without end: a fleet must not come back in one wave.
fn backoff() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(5))
        .with_jitter()
        .without_max_times()
        .build()
}
