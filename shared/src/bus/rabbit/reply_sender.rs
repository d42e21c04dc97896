//! Sending replies, without holding up the work that they answer.
//!
//! A reply is a best effort: a gateway that got none asks again, and publishers may publish again. So each
//! is sent by a task of its own, gets two tries of some seconds, and is then given up and counted. Replies to
//! addresses that a publisher chose travel on connections of their own, because the broker may close
//! the channel, or even the connection, that sends to a strange one.

use std::{sync::Arc, time::Duration};

use lapin::ConnectionProperties;
use metrics::counter;
use tokio::{
    sync::{Mutex, OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use super::{
    super::{BusError, Message, within},
    State,
    addresses::Addresses,
    bounded::spawn_critical,
    connect_to_any,
    convert::{REPLY_PREFIX, Target},
    loss::watch_events,
    publisher::{Attempt, Blocked, PublishError, Publisher},
    usable_link,
    wire::Wire,
};
use crate::metrics::BUS_REPLIES_GIVEN_UP;

/// How long one try may take.
const TRY: Duration = Duration::from_secs(2);
/// Replies that may be on their way at once; more wait for [`TRY`] at most.
const AT_ONCE: usize = 1_024;
/// How RabbitMQ's own addresses begin (<https://www.rabbitmq.com/docs/direct-reply-to>). A malformed one
/// makes it close the connection.
const DIRECT_PREFIX: &str = "amq.rabbitmq.reply-to";

/// Sends the replies of a bus.
pub(super) struct ReplySender {
    state: watch::Receiver<State>,
    room: Arc<Semaphore>,
    tasks: TaskTracker,
    /// To queues that publishers have declared.
    queues: Arc<Outside>,
    /// To addresses of RabbitMQ's own making: one at a time, so that a lost connection is the fault of
    /// the reply that was on it.
    direct: Arc<Outside>,
    direct_turn: Arc<Mutex<()>>,
}

impl ReplySender {
    pub(super) fn new(
        state: watch::Receiver<State>,
        addresses: Addresses,
        properties: ConnectionProperties,
    ) -> Self {
        let outside = || Outside {
            addresses: addresses.clone(),
            properties: properties.clone(),
            current: Mutex::default(),
        };
        let (queues, direct) = (Arc::new(outside()), Arc::new(outside()));
        let room = Arc::new(Semaphore::new(AT_ONCE));
        let direct_turn = Arc::default();
        Self { state, room, tasks: TaskTracker::new(), queues, direct, direct_turn }
    }

    /// Sends a reply on its way.
    pub(super) async fn send(&self, address: &str, reply: Message) {
        let room = timeout(TRY, Arc::clone(&self.room).acquire_owned()).await;
        let Ok(Ok(room)) = room else { return given_up("too many replies are under way") };
        let address = address.to_owned();
        if is_gateway(&address) {
            let state = self.state.clone();
            self.spawn(room, async move { to_gateway(&state, &address, &reply).await });
        } else if address.starts_with(DIRECT_PREFIX) {
            let (direct, turn) = (Arc::clone(&self.direct), Arc::clone(&self.direct_turn));
            self.spawn(room, async move {
                let turn = timeout(TRY * 4, turn.lock()).await;
                let _turn = turn.map_err(|_| BusError::Timeout)?;
                direct.send(&address, &reply, true).await.map_err(reason)
            });
        } else {
            let queues = Arc::clone(&self.queues);
            self.spawn(room, async move {
                match queues.send(&address, &reply, false).await {
                    Err(PublishError::TryAgain(_) | PublishError::LinkLost) => {
                        queues.send(&address, &reply, true).await.map_err(reason)
                    }
                    sent => sent.map_err(reason),
                }
            });
        }
    }

    fn spawn(
        &self,
        room: OwnedSemaphorePermit,
        sending: impl Future<Output = Result<(), BusError>> + Send + 'static,
    ) {
        self.tasks.spawn(async move {
            if let Err(error) = sending.await {
                given_up(&error.to_string());
            }
            drop(room);
        });
    }

    /// Why the broker takes no replies to publishers just now, if so.
    pub(super) fn blocked(&self) -> Option<String> {
        self.queues.blocked().or_else(|| self.direct.blocked())
    }

    /// Waits until what is on its way has been sent or given up.
    pub(super) async fn close(&self) {
        self.tasks.close();
        // Each ends by itself; this only bounds it.
        let _ = timeout(TRY, self.tasks.wait()).await;
    }
}

fn given_up(reason: &str) {
    counter!(BUS_REPLIES_GIVEN_UP).increment(1);
    tracing::warn!(reason, "a reply was given up");
}

/// Whether the address is one that gateways make for themselves. Nobody else can declare it and harm
/// others by it: at worst the reply is refused.
fn is_gateway(address: &str) -> bool {
    address.strip_prefix(REPLY_PREFIX).is_some_and(|id| Uuid::try_parse(id).is_ok())
}

async fn to_gateway(
    state: &watch::Receiver<State>,
    address: &str,
    reply: &Message,
) -> Result<(), BusError> {
    let mut failed = BusError::Timeout;
    for _ in 0..2 {
        let link = usable_link(state, within(TRY)).await?;
        match link.reply(address, reply, within(TRY)).await {
            Ok(()) => return Ok(()),
            Err(error) => failed = reason(error),
        }
    }
    Err(failed)
}

fn reason(error: PublishError) -> BusError {
    match error {
        PublishError::TryAgain(error) | PublishError::Rejected(error) => error,
        PublishError::LinkLost => BusError::Unavailable("the connection was lost".to_owned()),
        PublishError::Unroutable => BusError::Unavailable("no queue took the reply".to_owned()),
    }
}

/// A connection for replies alone, opened when it is first needed.
struct Outside {
    addresses: Addresses,
    properties: ConnectionProperties,
    current: Mutex<Option<Arc<OutsideLink>>>,
}

struct OutsideLink {
    wire: Wire,
    publisher: Publisher,
    blocked: Blocked,
    lost: CancellationToken,
}

impl Outside {
    async fn send(&self, address: &str, reply: &Message, alone: bool) -> Result<(), PublishError> {
        let link = timeout(TRY, self.link()).await.unwrap_or(Err(BusError::Timeout));
        let link = link.map_err(PublishError::TryAgain)?;
        let attempt = Attempt {
            wire: &link.wire,
            lost: &link.lost,
            blocked: &link.blocked,
            channel: None,
            patience: TRY,
            alone,
        };
        let target = Target::Reply(address);
        let deadline: Instant = within(TRY);
        let sent = link.publisher.publish(attempt, target, reply, deadline).await;
        if let Err(PublishError::LinkLost) = &sent {
            self.forget(&link).await;
        }
        sent
    }

    async fn link(&self) -> Result<Arc<OutsideLink>, BusError> {
        let mut current = self.current.lock().await;
        if let Some(link) = &*current
            && !link.lost.is_cancelled()
        {
            return Ok(Arc::clone(link));
        }
        let wire = connect_to_any(&self.addresses, || self.properties.clone()).await?;
        let (publisher, lost) = (Publisher::new(), CancellationToken::new());
        let (block, blocked) = watch::channel(None);
        let events = wire.connection().events_listener();
        spawn_critical("bus events", watch_events(Box::pin(events), block, lost.clone()));
        let link = Arc::new(OutsideLink { wire, publisher, blocked, lost });
        *current = Some(Arc::clone(&link));
        Ok(link)
    }

    /// Why the broker takes no replies just now, if so.
    fn blocked(&self) -> Option<String> {
        self.current.try_lock().ok()?.as_ref()?.blocked.borrow().clone()
    }

    async fn forget(&self, link: &Arc<OutsideLink>) {
        link.lost.cancel();
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, link)) {
            *current = None;
        }
    }
}
