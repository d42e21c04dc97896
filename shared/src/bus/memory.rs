//! The bus within one process.
//!
//! Gives what the RabbitMQ one gives, short of surviving the process: whoever published has no
//! answer then and asks again. Bounded by the bytes that wait in each queue.

mod browser;

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use super::{
    Batch, BatchLimit, Browser, Bus, BusError, DELIVERY_LIMIT, Message, Queue, REASON_HEADER,
    SOURCE_HEADER, Settle, Status, Subscription, replies::Replies,
};
use browser::MemoryBrowser;

/// The address of calls made through this bus.
const REPLY_ADDRESS: &str = "reply.memory";

/// The most bytes that wait in one queue; a publisher waits while they do.
const CAPACITY_BYTES: usize = 64 << 20;

/// A bus of queues in memory.
#[derive(Default)]
pub struct MemoryBus {
    queues: HashMap<Queue, Arc<MemoryQueue>>,
    replies: Replies,
}

#[derive(Default)]
struct MemoryQueue {
    state: Mutex<State>,
    arrived: Notify,
    left: Notify,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Waiting>,
    bytes: usize,
}

#[derive(Clone)]
struct Waiting {
    message: Message,
    /// When nobody can use it any more; only where messages are transient.
    expires: Option<Instant>,
}

impl MemoryBus {
    /// An empty bus.
    pub fn new() -> Self {
        let legacy = Queue::ALL.into_iter().filter_map(Queue::legacy);
        let queues = Queue::ALL.into_iter().chain(legacy);
        let queues = queues.map(|queue| (queue, Arc::default())).collect();
        Self { queues, replies: Replies::default() }
    }

    async fn push(
        &self,
        queue: Queue,
        message: Message,
        deadline: Instant,
    ) -> Result<(), BusError> {
        let expires = (!queue.durable()).then_some(deadline);
        let queue = &self.queues[&queue];
        let mut waiting = Some(Waiting { message, expires });
        loop {
            let left = queue.left.notified();
            if queue.push_if_room(&mut waiting) {
                return Ok(());
            }
            timeout_at(deadline, left)
                .await
                .map_err(|_| BusError::Unavailable("the queue is full".to_owned()))?;
        }
    }
}

impl MemoryQueue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push_if_room(&self, waiting: &mut Option<Waiting>) -> bool {
        {
            let mut state = self.lock();
            if state.bytes >= CAPACITY_BYTES {
                return false;
            }
            if let Some(waiting) = waiting.take() {
                state.bytes += waiting.message.body.len();
                state.ready.push_back(waiting);
            }
        }
        self.arrived.notify_one();
        true
    }

    /// Takes what is there, up to the limit.
    fn take(&self, limit: BatchLimit) -> Vec<Waiting> {
        let mut taken = Vec::new();
        let (mut bytes, now) = (0, Instant::now());
        let mut state = self.lock();
        while taken.len() < usize::from(limit.messages) && bytes < limit.bytes {
            let Some(waiting) = state.ready.pop_front() else { break };
            state.bytes -= waiting.message.body.len();
            if waiting.expires.is_none_or(|expires| expires > now) {
                bytes += waiting.message.body.len();
                taken.push(waiting);
            }
        }
        let more = !state.ready.is_empty();
        drop(state);
        if more {
            self.arrived.notify_one();
        }
        self.left.notify_waiters();
        taken
    }

    /// Puts undone messages back in front, in their old order.
    fn put_back(&self, undone: Vec<Waiting>) {
        let mut state = self.lock();
        for waiting in undone.into_iter().rev() {
            state.bytes += waiting.message.body.len();
            state.ready.push_front(waiting);
        }
        drop(state);
        self.arrived.notify_one();
    }
}

#[async_trait]
impl Bus for MemoryBus {
    async fn publish(
        &self,
        queue: Queue,
        message: Message,
        deadline: Instant,
    ) -> Result<(), BusError> {
        self.push(queue, message, deadline).await
    }

    async fn reply(&self, request: &Message, body: Bytes, _: Instant) -> Result<(), BusError> {
        match (request.reply_to.as_deref(), &request.correlation_id) {
            (Some(REPLY_ADDRESS), Some(id)) => self.replies.deliver(id, body),
            // As on a broker: a reply to an address that nobody reads is gone.
            _ => tracing::debug!("a reply was asked for at an unknown address"),
        }
        Ok(())
    }

    async fn call(
        &self,
        queue: Queue,
        request: Message,
        deadline: Instant,
    ) -> Result<Bytes, BusError> {
        let mut waiting = self.replies.wait();
        let message = Message {
            reply_to: Some(REPLY_ADDRESS.to_owned()),
            correlation_id: Some(waiting.correlation_id.clone()),
            ..request
        };
        self.push(queue, message, deadline).await?;
        match timeout_at(deadline, &mut waiting.reply).await {
            Ok(Ok(body)) => Ok(body),
            Ok(Err(_)) | Err(_) => Err(BusError::Timeout),
        }
    }

    fn subscribe(&self, queue: Queue, limit: BatchLimit) -> Box<dyn Subscription> {
        Box::new(MemorySubscription {
            source: queue,
            queue: self.queues[&queue].clone(),
            dead_letters: self.queues[&Queue::DeadLetters].clone(),
            limit,
        })
    }

    async fn browse(&self, queue: Queue, _: Instant) -> Result<Box<dyn Browser>, BusError> {
        Ok(Box::new(MemoryBrowser::new(self.queues[&queue].clone())))
    }

    async fn depth(&self, queue: Queue, _: Instant) -> Result<u32, BusError> {
        let waiting = self.queues[&queue].lock().ready.len();
        Ok(u32::try_from(waiting).unwrap_or(u32::MAX))
    }

    fn status(&self) -> Status {
        Status::Ready
    }

    async fn close(&self) {}
}

struct MemorySubscription {
    source: Queue,
    queue: Arc<MemoryQueue>,
    dead_letters: Arc<MemoryQueue>,
    limit: BatchLimit,
}

#[async_trait]
impl Subscription for MemorySubscription {
    async fn next_batch(&mut self) -> Batch<'_> {
        loop {
            let arrived = self.queue.arrived.notified();
            let taken = self.queue.take(self.limit);
            if !taken.is_empty() {
                let messages = taken.iter().map(|waiting| waiting.message.clone()).collect();
                return Batch::new(self.source, messages, Unacked { subscription: self, taken });
            }
            arrived.await;
        }
    }
}

struct Unacked<'a> {
    subscription: &'a MemorySubscription,
    taken: Vec<Waiting>,
}

#[async_trait]
impl Settle for Unacked<'_> {
    async fn ack(&mut self) -> Result<(), BusError> {
        self.taken.clear();
        Ok(())
    }
}

impl Drop for Unacked<'_> {
    fn drop(&mut self) {
        let mut undone = std::mem::take(&mut self.taken);
        for waiting in &mut undone {
            waiting.message.redeliveries += 1;
        }
        let (exhausted, again): (Vec<_>, Vec<_>) =
            undone.into_iter().partition(|w| w.message.redeliveries > DELIVERY_LIMIT);
        let source = self.subscription.source.name();
        let letters = exhausted.into_iter().map(|waiting| Waiting {
            message: waiting
                .message
                .with_header(REASON_HEADER, "delivery_limit")
                .with_header(SOURCE_HEADER, source),
            expires: None,
        });
        self.subscription.dead_letters.put_back(letters.collect());
        self.subscription.queue.put_back(again);
    }
}
