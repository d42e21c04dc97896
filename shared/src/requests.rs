//! Serving look-ups and changes that come as request-reply.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use serde::{Serialize, de::DeserializeOwned};
use tokio_util::sync::CancellationToken;

use crate::{
    bus::{BatchLimit, Message, Queue, SharedBus, within},
    contract::{Answer, ErrorBody, json_problem},
    origin::Origin,
    traces::{Kind, Span, Tracer},
};

/// Requests that one loop works on at once.
const LIMIT: BatchLimit = BatchLimit { messages: 16, bytes: 1 << 20 };
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
    /// same.
    async fn answer(&self, request: Self::Request, span: &Span) -> Result<Self::Reply, ErrorBody>;
}

/// Answers what arrives on a queue, until stopped.
pub async fn serve(
    bus: SharedBus,
    queue: Queue,
    answers: impl Answers,
    tracer: Tracer,
    stop: CancellationToken,
) {
    let mut subscription = bus.subscribe(queue, LIMIT);
    while let Some(batch) = stop.run_until_cancelled(subscription.next_batch()).await {
        let answered = batch.messages().iter().map(async |message| {
            let origin = Origin::of(message);
            let kind = Kind::Process { queue: queue.name() };
            let mut span = tracer.span(kind, origin.trace);
            if let Some(id) = &origin.request_id {
                span.set("rollcall.request_id", id);
            }
            answer(&bus, &answers, message, &origin, span).await;
        });
        join_all(answered).await;
        if let Err(error) = batch.ack().await {
            tracing::debug!(%error, "requests will be answered once more");
        }
    }
}

async fn answer<A: Answers>(
    bus: &SharedBus,
    answers: &A,
    message: &Message,
    origin: &Origin,
    mut span: Span,
) {
    let request_id = origin.logged();
    let result = match serde_json::from_slice(&message.body) {
        Ok(request) => answers.answer(request, &span).await,
        Err(error) => {
            tracing::error!(request_id, error = %json_problem(&error), "unreadable request");
            Err(ErrorBody::internal())
        }
    };
    if let Err(error) = &result {
        span.refused(error);
    }
    let reply = match serde_json::to_vec(&Answer::from(result)) {
        Ok(reply) => reply,
        Err(error) => return tracing::error!(%error, "unwritable answer"),
    };
    if let Err(error) = bus.reply(message, reply.into(), within(REPLY_TIMEOUT)).await {
        tracing::warn!(%error, "an answer was not sent");
    }
}
