//! Which queue a request goes to while an installation is upgraded: the one that somebody consumes.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::{super::Queue, bounded::step, topology, wire::Wire};

/// How long an answer of the broker counts: less than a call waits before it is repeated.
const FRESH: Duration = Duration::from_secs(3);
/// How long the broker may take to say who consumes a queue; a request waits for it at most once.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the broker said of the queues for requests.
#[derive(Default)]
pub(super) struct Routes {
    lead: Mutex<Option<Route>>,
    campaign: Mutex<Option<Route>>,
}

#[derive(Clone, Copy)]
struct Route {
    queue: Queue,
    asked_at: Instant,
}

impl Routes {
    /// The queue to publish a request to: the one of this release, unless only the legacy one is
    /// consumed. Queues that are no requests' are their own route.
    pub(super) async fn of(&self, queue: Queue, wire: &Wire, lost: &CancellationToken) -> Queue {
        let (Some(legacy), Some(known)) = (queue.legacy(), self.known(queue)) else { return queue };
        let route = *known.lock().unwrap_or_else(PoisonError::into_inner);
        match route {
            Some(Route { queue, asked_at }) if asked_at.elapsed() < FRESH => queue,
            before => {
                let asked = timeout(PATIENCE, ask(queue, legacy, wire, lost)).await.ok().flatten();
                let queue = asked.or(before.map(|route| route.queue)).unwrap_or(queue);
                let route = Route { queue, asked_at: Instant::now() };
                *known.lock().unwrap_or_else(PoisonError::into_inner) = Some(route);
                queue
            }
        }
    }

    fn known(&self, queue: Queue) -> Option<&Mutex<Option<Route>>> {
        match queue {
            Queue::LeadRequests => Some(&self.lead),
            Queue::CampaignRequests => Some(&self.campaign),
            _ => None,
        }
    }
}

/// `None` where the broker does not say.
async fn ask(queue: Queue, legacy: Queue, wire: &Wire, lost: &CancellationToken) -> Option<Queue> {
    for candidate in [queue, legacy] {
        let channel = wire.channel(lost).await.ok()?;
        let depth = step("looking for consumers", lost, topology::depth(&channel, candidate)).await;
        if depth.is_ok_and(|depth| depth.consumers > 0) {
            return Some(candidate);
        }
    }
    Some(queue)
}
