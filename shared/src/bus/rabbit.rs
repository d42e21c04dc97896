//! The bus on RabbitMQ 3.10 or later, on one node or a cluster.
//!
//! A supervisor of our own holds one [`Link`] to one node and builds it anew, whole, when it is lost, on
//! another node where there are several: lapin's recovery is young and leaves channel errors alone.
//! Publishers wait for the next link, calls publish again on it, subscriptions consume again from it.

mod addresses;
mod attempts;
mod bounded;
mod browser;
mod consuming;
mod convert;
mod depths;
mod link;
mod loss;
mod publisher;
mod reply_queue;
mod reply_sender;
mod routes;
mod subscription;
mod supervisor;
mod topology;
mod wire;

use std::{
    collections::HashMap,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use lapin::ConnectionProperties;
use metrics::counter;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout_at},
};
use tokio_util::sync::CancellationToken;

pub use self::{
    addresses::Addresses,
    depths::depths,
    topology::{Depth, EXCHANGE},
};
use self::{
    attempts::Attempts,
    bounded::spawn_critical,
    browser::RabbitBrowser,
    link::Link,
    reply_sender::ReplySender,
    subscription::RabbitSubscription,
    supervisor::{Supervisor, connect_to_any},
};
use super::{
    BatchLimit, Browser, Bus, BusError, Message, Queue, Status, Subscription, replies::Replies,
};
use crate::metrics::BUS_CALLS_REPEATED;

/// A call is repeated when its reply takes this long, and this many times as long as replies usually
/// take: then it is lost with a consumer on a node that went silent, rather than waiting its turn.
const REPEAT_AFTER: Duration = Duration::from_secs(4);
const REPEAT_AFTER_TIMES: u32 = 4;
/// How many past replies count.
const USUAL_OF: u32 = 16;

/// A bus on a RabbitMQ broker.
pub struct RabbitBus {
    addresses: Addresses,
    properties: ConnectionProperties,
    state: watch::Receiver<State>,
    replies: Replies,
    reply_sender: ReplySender,
    /// How long replies take, by queue.
    usual: Mutex<HashMap<Queue, Duration>>,
    /// Which of the subscriptions of a queue is careful, by queue.
    gates: Mutex<HashMap<Queue, Arc<tokio::sync::Mutex<()>>>>,
    stop: CancellationToken,
}

#[derive(Clone)]
enum State {
    Down(String),
    Up(Arc<Link>),
}

impl RabbitBus {
    /// Starts to connect, and goes on trying for as long as the bus lives. `url` may name several nodes:
    /// see [`Addresses`].
    ///
    /// `name` is what the broker's operator sees of these connections.
    ///
    /// # Errors
    /// When `url` is no AMQP URL.
    pub fn start(url: &str, name: &str) -> Result<Self, String> {
        let addresses = Addresses::from_str(url)?;
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let (sender, state) = watch::channel(State::Down("not connected yet".to_owned()));
        let reply_sender = ReplySender::new(state.clone(), addresses.clone(), properties.clone());
        let (replies, stop) = (Replies::default(), CancellationToken::new());
        let supervisor = Supervisor {
            addresses: addresses.clone(),
            properties: properties.clone(),
            replies: replies.clone(),
            state: sender,
            stop: stop.clone(),
        };
        spawn_critical("bus supervisor", supervisor.run());
        let (usual, gates) = Default::default();
        Ok(Self { addresses, properties, state, replies, reply_sender, usual, gates, stop })
    }

    /// When a call that is published now is to be repeated.
    fn repeat_at(&self, queue: Queue, repeats: u32) -> Instant {
        let usual = self.usual.lock().unwrap_or_else(PoisonError::into_inner);
        let usual = usual.get(&queue).copied().unwrap_or_default();
        let pause = (usual * REPEAT_AFTER_TIMES).max(REPEAT_AFTER);
        Instant::now() + pause * 2_u32.saturating_pow(repeats.min(8))
    }

    fn observe(&self, queue: Queue, took: Duration) {
        let mut usual = self.usual.lock().unwrap_or_else(PoisonError::into_inner);
        let usual = usual.entry(queue).or_insert(took);
        *usual = (*usual * (USUAL_OF - 1) + took) / USUAL_OF;
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
        let mut attempts = Attempts::new(queue, deadline);
        while !attempts.publish(&*usable_link(&self.state, deadline).await?, &message).await? {}
        Ok(())
    }

    async fn reply(&self, request: &Message, body: Bytes, _: Instant) -> Result<(), BusError> {
        let Some(address) = request.reply_to.as_deref() else { return Ok(()) };
        if self.stop.is_cancelled() {
            return Err(BusError::Unavailable("the bus is closed".to_owned()));
        }
        let correlation_id = request.correlation_id.clone();
        let reply = Message { body, correlation_id, ..Message::default() };
        self.reply_sender.send(address, reply).await;
        Ok(())
    }

    async fn call(
        &self,
        queue: Queue,
        request: Message,
        deadline: Instant,
    ) -> Result<Bytes, BusError> {
        let mut waiting = self.replies.wait();
        let mut attempts = Attempts::new(queue, deadline);
        let (mut repeats, begun) = (0, Instant::now());
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
            let published = tokio::select! {
                biased;
                // To an earlier copy.
                reply = &mut waiting.reply => return self.replied(queue, begun, reply),
                published = attempts.publish(&link, &request) => published?,
            };
            if !published {
                continue;
            }
            tokio::select! {
                biased;
                reply = &mut waiting.reply => return self.replied(queue, begun, reply),
                () = link.lost().cancelled() => {}
                () = sleep_until(deadline) => return Err(BusError::Timeout),
                () = sleep_until(self.repeat_at(queue, repeats)) => {
                    repeats += 1;
                    counter!(BUS_CALLS_REPEATED, "queue" => queue.name()).increment(1);
                }
            }
        }
    }

    fn subscribe(&self, queue: Queue, limit: BatchLimit) -> Box<dyn Subscription> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = Arc::clone(gates.entry(queue).or_default());
        Box::new(RabbitSubscription::new(self.state.clone(), queue, limit, gate))
    }

    async fn browse(&self, queue: Queue, deadline: Instant) -> Result<Box<dyn Browser>, BusError> {
        // Which has declared the queues.
        usable_link(&self.state, deadline).await?;
        let connecting = connect_to_any(&self.addresses, || self.properties.clone());
        let wire = timeout_at(deadline, connecting).await.map_err(|_| BusError::Timeout)??;
        Ok(Box::new(RabbitBrowser::open(wire, queue).await?))
    }

    async fn depth(&self, queue: Queue, deadline: Instant) -> Result<u32, BusError> {
        let link = usable_link(&self.state, deadline).await?;
        match timeout_at(deadline, link.depth(queue)).await {
            Ok(depth) => Ok(depth?.messages),
            Err(_) => Err(BusError::Timeout),
        }
    }

    fn status(&self) -> Status {
        match &*self.state.borrow() {
            State::Up(link) if link.is_lost() => Status::Unavailable("connection lost".to_owned()),
            State::Up(link) => {
                let blocked = link.blocked().or_else(|| self.reply_sender.blocked());
                blocked.map_or(Status::Ready, Status::Unavailable)
            }
            State::Down(reason) => Status::Unavailable(reason.clone()),
        }
    }

    async fn close(&self) {
        self.reply_sender.close().await;
        self.stop.cancel();
        let mut state = self.state.clone();
        // The supervisor closes the link and then drops its end.
        while state.changed().await.is_ok() {}
    }
}

impl RabbitBus {
    fn replied(
        &self,
        queue: Queue,
        begun: Instant,
        reply: Result<Bytes, tokio::sync::oneshot::error::RecvError>,
    ) -> Result<Bytes, BusError> {
        self.observe(queue, begun.elapsed());
        reply.map_err(|_| BusError::Timeout)
    }
}

impl Drop for RabbitBus {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
