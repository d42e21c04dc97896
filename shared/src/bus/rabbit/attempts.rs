//! Publishing one message again until the broker has taken it.

use std::time::Duration;

use metrics::counter;
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    super::{BusError, Message, Queue},
    link::Link,
    publisher::PublishError,
    supervisor::pauses,
};
use crate::metrics::BUS_PUBLISH_RETRIES;

/// The attempts to publish one message.
pub(super) struct Attempts<'a> {
    queue: Queue,
    deadline: Instant,
    /// Failed ones on the link that is in use.
    failed: usize,
    pauses: Box<dyn Iterator<Item = Duration> + Send + 'a>,
}

impl Attempts<'_> {
    /// None so far.
    pub(super) fn new(queue: Queue, deadline: Instant) -> Self {
        Self { queue, deadline, failed: 0, pauses: Box::new(pauses()) }
    }

    /// Makes an attempt. `false` where another may succeed, after a pause.
    ///
    /// # Errors
    /// Where none can succeed, or there is no time for another.
    pub(super) async fn publish(
        &mut self,
        link: &Link,
        message: &Message,
    ) -> Result<bool, BusError> {
        let attempt = link.publish(self.queue, message, self.deadline, self.failed);
        let published = timeout_at(self.deadline, attempt).await.map_err(|_| BusError::Timeout)?;
        let error = match published {
            Ok(()) => return Ok(true),
            Err(PublishError::LinkLost) => {
                self.failed = 0;
                return Ok(false);
            }
            Err(PublishError::Rejected(error)) => return Err(error),
            Err(PublishError::TryAgain(error)) => error,
            Err(PublishError::Unroutable) => {
                let queue = self.queue.name();
                tracing::warn!(queue, "a message could not be routed; publishing it again");
                BusError::Unavailable(format!("there is no queue {}", self.queue.name()))
            }
        };
        self.failed += 1;
        counter!(BUS_PUBLISH_RETRIES, "queue" => self.queue.name()).increment(1);
        tracing::debug!(%error, queue = self.queue.name(), "publishing again");
        let pause = sleep(self.pauses.next().unwrap_or_default());
        timeout_at(self.deadline, pause).await.map_err(|_| error)?;
        Ok(false)
    }
}
