//! A bus to test, and shorthands for its use.

use std::{ops::Deref, sync::Arc, time::Duration};

use shared::bus::{
    BatchLimit, Bus, Message, Queue, SharedBus, Subscription, memory::MemoryBus, rabbit::RabbitBus,
    within,
};
use test_support::TestVhost;
use tokio::time::{Instant, timeout};

/// Far more than anything here takes.
pub const LONG: Duration = Duration::from_secs(30);

/// A bus that no other test uses.
pub struct TestBus {
    bus: SharedBus,
    vhost: Option<TestVhost>,
}

/// A bus in memory.
pub fn memory() -> TestBus {
    TestBus { bus: Arc::new(MemoryBus::new()), vhost: None }
}

/// A bus on a virtual host of its own.
pub async fn rabbitmq() -> TestBus {
    let vhost = TestVhost::create().await;
    TestBus { bus: connect(&vhost.amqp_url()), vhost: Some(vhost) }
}

/// A bus on a broker.
pub fn connect(url: &str) -> SharedBus {
    Arc::new(RabbitBus::start(url, "test").expect("a good URL"))
}

impl TestBus {
    /// The bus, to be shared with a task.
    pub fn share(&self) -> SharedBus {
        self.bus.clone()
    }

    /// The virtual host, where there is one.
    pub fn vhost(&self) -> &TestVhost {
        self.vhost.as_ref().expect("a bus on RabbitMQ")
    }
}

impl Deref for TestBus {
    type Target = dyn Bus;

    fn deref(&self) -> &Self::Target {
        &*self.bus
    }
}

/// The deadline of what must succeed.
pub fn soon() -> Instant {
    within(LONG)
}

/// A limit that does not limit what these tests send.
pub fn any() -> BatchLimit {
    at_most(1000)
}

/// A limit of messages alone.
pub fn at_most(messages: u16) -> BatchLimit {
    BatchLimit { messages, bytes: usize::MAX }
}

/// Publishes messages with these numbers in their bodies.
pub async fn publish(bus: &dyn Bus, queue: Queue, numbers: impl IntoIterator<Item = u32>) {
    for number in numbers {
        let message = Message::new(number.to_string());
        bus.publish(queue, message, soon()).await.expect("published");
    }
}

/// The number in a message's body.
pub fn number(message: &Message) -> u32 {
    let text = std::str::from_utf8(&message.body).expect("text");
    text.parse().expect("a number")
}

/// Takes a batch, acknowledges it and returns its messages.
pub async fn take(subscription: &mut dyn Subscription) -> Vec<Message> {
    let batch = timeout(LONG, subscription.next_batch()).await.expect("a batch");
    let messages = batch.messages().to_vec();
    batch.ack().await.expect("acknowledged");
    messages
}

/// Takes so many messages and returns the numbers in them.
pub async fn take_numbers(subscription: &mut dyn Subscription, count: usize) -> Vec<u32> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        numbers.extend(take(subscription).await.iter().map(number));
    }
    numbers
}

/// Takes so many messages, acknowledges each batch soon, and returns the numbers in them.
pub async fn finish_soon(subscription: &mut dyn Subscription, count: usize) -> Vec<u32> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        let batch = timeout(LONG, subscription.next_batch()).await.expect("a batch");
        numbers.extend(batch.messages().iter().map(number));
        batch.ack_soon().await.expect("acknowledged");
    }
    numbers
}

/// Answers every request with its own body, for as long as the test lasts.
pub fn echo(bus: SharedBus, queue: Queue) {
    let mut subscription = bus.subscribe(queue, any());
    tokio::spawn(async move {
        loop {
            let batch = subscription.next_batch().await;
            for request in batch.messages() {
                // A reply that fails is a matter for the caller's deadline.
                let _ = bus.reply(request, request.body.clone(), soon()).await;
            }
            let _ = batch.ack().await;
        }
    });
}
