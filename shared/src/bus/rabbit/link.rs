//! One set of connections to a node of the broker, from opening to loss.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{stream, try_join};
use lapin::{Channel, ConnectionProperties, uri::AMQPUri};
use tokio::{
    sync::{Mutex, watch},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    super::{Message, Queue, replies::Replies},
    addresses::host_and_port,
    bounded::{StepError, spawn_critical, step},
    convert::Target,
    loss::{probe, watch_events},
    publisher::{Attempt, Blocked, PublishError, Publisher},
    reply_queue::ReplyQueue,
    routes::Routes,
    topology::{self, Depth},
    wire::Wire,
};

/// How long a new link may take to declare what is missing.
const DECLARING: Duration = Duration::from_secs(5);

/// How long a second and third attempt to publish wait for the confirm of the first.
const ATTEMPTS: [Duration; 4] = [
    Duration::from_secs(2),
    Duration::from_secs(2),
    Duration::from_secs(2),
    Duration::from_secs(4),
];
const LATER_ATTEMPTS: Duration = Duration::from_secs(10);

/// What a link is told of those before it.
#[derive(Clone, Copy, Default)]
pub(super) struct LinkPast {
    /// Until when its consumers go before those of other links: see [`Link::consumer_priority`].
    pub(super) preferred_until: Option<Instant>,
    /// Whether the queues have been declared. They may still be missing, and are then declared when they
    /// are used.
    pub(super) is_declared: bool,
}

/// Two connections, because under a memory or disk alarm the broker stops reading from one that
/// publishes, and acknowledgements must still get through
/// (<https://www.rabbitmq.com/docs/alarms#effects-on-clients>).
pub(super) struct Link {
    node: String,
    publishing: Wire,
    consuming: Wire,
    /// Submissions and dead letters.
    pipeline: Publisher,
    /// Look-ups and changes.
    requests: Publisher,
    /// Replies to gateways.
    replies: Publisher,
    reply_queue: ReplyQueue,
    routes: Routes,
    declaring: Mutex<()>,
    blocked: Blocked,
    lost: CancellationToken,
    is_silent: Arc<AtomicBool>,
    /// Until when its consumers go before those of other links: see [`Link::consumer_priority`].
    preferred_until: Option<Instant>,
}

impl Link {
    /// Connects to a node within this time, declares what is missing and starts to receive replies.
    ///
    /// # Errors
    /// What failed, with host and port.
    pub(super) async fn open(
        uri: &AMQPUri,
        properties: impl Fn() -> ConnectionProperties,
        replies: Replies,
        limit: Duration,
        past: LinkPast,
    ) -> Result<Self, String> {
        let (publishing, consuming) = try_join!(
            Wire::connect(uri, properties(), limit),
            Wire::connect(uri, properties(), limit)
        )?;
        let events = stream::select(
            publishing.connection().events_listener(),
            consuming.connection().events_listener(),
        );
        let (block, blocked) = watch::channel(None);
        let (lost, is_silent) = (CancellationToken::new(), Arc::default());
        let reply_queue = ReplyQueue::open(&publishing, &consuming, replies, lost.clone());
        let reply_queue = reply_queue.await.map_err(|error| error.to_string())?;
        spawn_critical("bus events", watch_events(events, block, lost.clone()));
        let link = Self {
            node: host_and_port(uri),
            publishing,
            consuming,
            pipeline: Publisher::new(),
            requests: Publisher::new(),
            replies: Publisher::new(),
            reply_queue,
            routes: Routes::default(),
            declaring: Mutex::default(),
            blocked,
            lost,
            is_silent,
            preferred_until: past.preferred_until,
        };
        link.start_probes().await.map_err(|error| error.to_string())?;
        if !past.is_declared {
            // Where that takes long, a node is away, and what has been declared before is there.
            let _ = timeout(DECLARING, link.declare_all()).await;
        }
        Ok(link)
    }

    /// Declares what is missing. What cannot be declared is said and left: it concerns those alone who
    /// use it.
    async fn declare_all(&self) {
        let exchange = async {
            let channel = self.publishing.channel(&self.lost).await?;
            step("declaring the exchange", &self.lost, topology::declare_exchange(&channel)).await
        };
        if let Err(error) = exchange.await {
            tracing::warn!(%error, exchange = topology::EXCHANGE, "cannot declare an exchange");
        }
        for queue in Queue::ALL {
            self.declare(queue).await;
        }
    }

    /// Declares a queue that may be missing; one at a time, because RabbitMQ 3.10 was seen to keep no
    /// statistics of queues that are made side by side.
    pub(super) async fn declare(&self, queue: Queue) {
        let _turn = self.declaring.lock().await;
        let declared = async {
            let channel = self.publishing.channel(&self.lost).await?;
            step("declaring the queue", &self.lost, topology::declare(&channel, queue)).await
        };
        if let Err(error) = declared.await {
            tracing::warn!(%error, queue = queue.name(), "cannot declare a queue");
        }
    }

    /// Makes one attempt to publish to a queue, the `number`-th for this message.
    pub(super) async fn publish(
        &self,
        queue: Queue,
        message: &Message,
        deadline: Instant,
        number: usize,
    ) -> Result<(), PublishError> {
        let publisher = if queue.durable() { &self.pipeline } else { &self.requests };
        let route = self.routes.of(queue, &self.publishing, &self.lost).await;
        let target = Target::Queue(route);
        let attempt = self.attempt(number, message);
        let published = publisher.publish(attempt, target, message, deadline).await;
        match &published {
            // It is the one channel on which replies arrive.
            Err(PublishError::TryAgain(_)) if attempt.channel.is_some() => self.lose(),
            Err(PublishError::Unroutable) => self.declare(queue).await,
            Err(PublishError::LinkLost) => self.lose(),
            _ => {}
        }
        published
    }

    /// Makes one attempt to send a reply to a gateway.
    pub(super) async fn reply(
        &self,
        address: &str,
        reply: &Message,
        deadline: Instant,
    ) -> Result<(), PublishError> {
        let target = Target::Reply(address);
        let published = self.replies.publish(self.attempt(0, reply), target, reply, deadline).await;
        if let Err(PublishError::LinkLost) = &published {
            self.lose();
        }
        published
    }

    fn attempt(&self, number: usize, message: &Message) -> Attempt<'_> {
        let is_call = message.reply_to.as_deref() == Some(self.reply_queue());
        Attempt {
            channel: self.reply_queue.channel.as_ref().filter(|_| is_call),
            wire: &self.publishing,
            lost: &self.lost,
            blocked: &self.blocked,
            patience: ATTEMPTS.get(number).copied().unwrap_or(LATER_ATTEMPTS),
            // Its second failure is its own.
            alone: number > 0,
        }
    }

    /// A channel to consume on.
    pub(super) async fn consuming_channel(&self) -> Result<Channel, StepError> {
        self.consuming.channel(&self.lost).await
    }

    /// How much waits in a queue and who takes from it. On a channel of its own, which the broker closes
    /// where there is no such queue.
    pub(super) async fn depth(&self, queue: Queue) -> Result<Depth, StepError> {
        let channel = self.consuming.channel(&self.lost).await?;
        step("looking at a queue", &self.lost, topology::depth(&channel, queue)).await
    }

    /// The priority of a consumer that begins now
    /// (<https://www.rabbitmq.com/docs/consumer-priority>). After a node went silent, the broker still
    /// knows the consumers that were connected to it, for a minute or more, and would send them messages;
    /// new ones go before them until then.
    /// Returns until when it holds, too.
    pub(super) fn consumer_priority(&self) -> Option<(i32, Instant)> {
        self.preferred_until.filter(|until| Instant::now() < *until).map(|until| (10, until))
    }

    /// Where replies to this link's requests arrive.
    pub(super) fn reply_queue(&self) -> &str {
        &self.reply_queue.address
    }

    /// The node's host and port.
    pub(super) fn node(&self) -> &str {
        &self.node
    }

    /// Why the broker takes no messages just now, if so
    /// (<https://www.rabbitmq.com/docs/connection-blocked>).
    pub(super) fn blocked(&self) -> Option<String> {
        self.blocked.borrow().clone()
    }

    /// Whether the link has been given up.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.is_cancelled()
    }

    /// Gives the link up.
    pub(super) fn lose(&self) {
        self.lost.cancel();
    }

    /// Cancelled when the link has been given up.
    pub(super) fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// Whether the node was lost without a word.
    pub(super) fn is_silent(&self) -> bool {
        self.is_silent.load(Ordering::Relaxed)
    }

    /// Closes both connections, in good order where that is still possible.
    pub(super) async fn close(&self) {
        self.lose();
        let close = async |wire: &Wire| {
            if !self.is_silent() {
                wire.close().await;
            }
            wire.shut_down();
        };
        tokio::join!(close(&self.publishing), close(&self.consuming));
    }

    async fn start_probes(&self) -> Result<(), StepError> {
        for (wire, may_be_blocked) in [(&self.publishing, true), (&self.consuming, false)] {
            let channel = wire.channel(&self.lost).await?;
            let blocked = may_be_blocked.then(|| self.blocked.clone());
            let (lost, is_silent) = (self.lost.clone(), Arc::clone(&self.is_silent));
            spawn_critical("bus probe", probe(channel, blocked, lost, is_silent));
        }
        Ok(())
    }
}
