//! Serving look-ups and changes that come as request-reply.
//!
//! Each request is served on its own, so that one which waits, as for a workspace's lock, delays no other.
//! It is acknowledged when it is taken: what a crash costs is asked again by its caller after some seconds.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{
    bus::{BatchLimit, Message, Queue, SharedBus, within},
    contract::{Answer, ErrorBody, json_problem},
    crash,
    origin::Origin,
    supervisor::pass_on_panic,
    traces::{Kind, Span, Tracer},
};

/// Requests that one loop takes at once from the broker.
const LIMIT: BatchLimit = BatchLimit { messages: 16, bytes: 1 << 20 };
/// Requests that one loop serves at once. Most of them wait; what they need of the database is bounded
/// by its pools.
const AT_ONCE: usize = 1_024;
/// How long a request may take: less than its caller waits (`TIMEOUT` in gateway/src/services.rs).
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(9);
/// How long sending a reply may take.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);

/// Answers requests of one kind.
#[async_trait]
pub trait Answers: Send + Sync {
    /// What can be asked.
    type Request: DeserializeOwned + Send;
    /// What is answered.
    type Reply: Serialize + Send;

    /// Carries out one request, as part of a span. May be called twice for one, and must answer the
    /// same. It is given up after [`REQUEST_TIMEOUT`].
    async fn answer(&self, request: Self::Request, span: &Span) -> Result<Self::Reply, ErrorBody>;
}

/// Answers what arrives on a queue, until stopped; then finishes what it has begun.
pub async fn serve(
    bus: SharedBus,
    queue: Queue,
    answers: impl Answers + 'static,
    tracer: Tracer,
    stop: CancellationToken,
) {
    let server = Arc::new(Server { bus: bus.clone(), queue, answers, tracer });
    let (room, mut serving) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
    let mut subscription = bus.subscribe(queue, LIMIT);
    while let Some(batch) = stop.run_until_cancelled(subscription.next_batch()).await {
        crash::point("requests");
        for message in batch.messages() {
            // Waits for at most as long as a request may take. The semaphore is never closed.
            let Ok(room) = Arc::clone(&room).acquire_owned().await else { return };
            serving.spawn(Arc::clone(&server).serve(message.clone(), room));
        }
        if let Err(error) = batch.ack().await {
            tracing::debug!(%error, "requests will be answered once more");
        }
        while let Some(ended) = serving.try_join_next() {
            pass_on_panic(ended);
        }
    }
    while let Some(ended) = serving.join_next().await {
        pass_on_panic(ended);
    }
}

/// What it takes to serve a request.
struct Server<A> {
    bus: SharedBus,
    queue: Queue,
    answers: A,
    tracer: Tracer,
}

impl<A: Answers> Server<A> {
    async fn serve(self: Arc<Self>, message: Message, _room: OwnedSemaphorePermit) {
        let origin = Origin::of(&message);
        let kind = Kind::Process { queue: self.queue.name() };
        let mut span = self.tracer.span(kind, origin.trace);
        if let Some(id) = &origin.request_id {
            span.set("rollcall.request_id", id);
        }
        let result = self.answer(&message, &origin, &span).await;
        if let Err(error) = &result {
            span.refused(error);
        }
        let reply = match serde_json::to_vec(&Answer::from(result)) {
            Ok(reply) => reply,
            Err(error) => return tracing::error!(%error, "unwritable answer"),
        };
        let sent = self.bus.reply(&message, reply.into(), within(REPLY_TIMEOUT)).await;
        if let Err(error) = sent {
            tracing::warn!(%error, "an answer was not sent");
        }
    }

    async fn answer(
        &self,
        message: &Message,
        origin: &Origin,
        span: &Span,
    ) -> Result<A::Reply, ErrorBody> {
        let request_id = origin.logged();
        let request = serde_json::from_slice(&message.body).map_err(|error| {
            tracing::error!(request_id, error = %json_problem(&error), "unreadable request");
            ErrorBody::internal()
        })?;
        let answered = timeout(REQUEST_TIMEOUT, self.answers.answer(request, span)).await;
        answered.unwrap_or_else(|_| {
            tracing::warn!(request_id, "a request took too long");
            Err(ErrorBody::unavailable())
        })
    }
}
