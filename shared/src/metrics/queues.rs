//! How much waits in the queues.

use std::time::Duration;

use metrics::{Counter, Gauge, counter, gauge};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{DEAD_LETTERS, QUEUE_MESSAGES, REDELIVERIES};
use crate::{
    bus::{Queue, SharedBus, within},
    crash,
};

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(5);
/// How long the broker may take to say how much waits in one queue.
const TIMEOUT: Duration = Duration::from_secs(5);

struct Watched {
    queue: Queue,
    messages: Gauge,
}

/// Asks the broker now and again how much waits in these queues, until stopped. While the broker does
/// not say, what it said last stands.
pub async fn watch(
    bus: SharedBus,
    queues: impl IntoIterator<Item = Queue>,
    stop: CancellationToken,
) {
    let queues: Vec<_> = queues.into_iter().map(Watched::new).collect();
    loop {
        crash::point("watching-queues");
        for Watched { queue, messages } in &queues {
            let asked = bus.depth(*queue, within(TIMEOUT));
            let Some(depth) = stop.run_until_cancelled(asked).await else { return };
            match depth {
                Ok(depth) => messages.set(f64::from(depth)),
                Err(error) => tracing::debug!(%error, queue = queue.name(), "unknown depth"),
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(INTERVAL) => {}
        }
    }
}

impl Watched {
    fn new(queue: Queue) -> Self {
        // Both are counted elsewhere, and are there from the start: a rate needs something to rise
        // from.
        let _: (Counter, Counter) = (redeliveries(queue), dead_letters(queue));
        Self { queue, messages: gauge!(QUEUE_MESSAGES, "queue" => queue.name()) }
    }
}

/// Counts what was delivered before.
pub(crate) fn redeliveries(queue: Queue) -> Counter {
    counter!(REDELIVERIES, "queue" => queue.name())
}

/// Counts what became a dead letter.
pub(crate) fn dead_letters(source: Queue) -> Counter {
    counter!(DEAD_LETTERS, "queue" => source.name())
}
