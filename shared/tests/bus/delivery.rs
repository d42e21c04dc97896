//! What was published arrives, in batches.

use std::{collections::HashMap, time::Duration};

use shared::bus::{BatchLimit, Message, Queue};
use tokio::{sync::mpsc, time::timeout};

use crate::fixture::{LONG, TestBus, any, at_most, number, publish, soon, take, take_numbers};

pub async fn messages_arrive_in_order(bus: TestBus) {
    publish(&*bus, Queue::Submitted, 0..50).await;
    let mut subscription = bus.subscribe(Queue::Submitted, at_most(7));
    let numbers = take_numbers(&mut *subscription, 50).await;
    assert_eq!(numbers, (0..50).collect::<Vec<_>>());
}

pub async fn the_envelope_arrives(bus: TestBus) {
    let sent = Message {
        reply_to: Some("somebody".to_owned()),
        correlation_id: Some("17".to_owned()),
        message_id: Some("9".to_owned()),
        ..Message::new("{}").with_header("x-colour", "grün")
    };
    for queue in [Queue::Submitted, Queue::LeadRequests] {
        bus.publish(queue, sent.clone(), soon()).await.expect("published");
        let mut subscription = bus.subscribe(queue, any());
        assert_eq!(take(&mut *subscription).await, std::slice::from_ref(&sent));
    }
}

/// Whoever holds a batch finds together what came meanwhile.
pub async fn a_batch_takes_what_is_there(bus: TestBus) {
    let mut subscription = bus.subscribe(Queue::Submitted, any());
    // What was confirmed may still be on its way to the subscriber, so one round may not show it.
    for _ in 0..100 {
        publish(&*bus, Queue::Submitted, [0]).await;
        let batch = timeout(LONG, subscription.next_batch()).await.expect("a batch");
        publish(&*bus, Queue::Submitted, 1..20).await;
        batch.ack().await.expect("acknowledged");
        let largest = take(&mut *subscription).await.len();
        if largest > 1 {
            return;
        }
    }
    panic!("every message came alone");
}

pub async fn a_batch_holds_so_many_messages(bus: TestBus) {
    publish(&*bus, Queue::Submitted, 0..20).await;
    let mut subscription = bus.subscribe(Queue::Submitted, at_most(3));
    let mut taken = 0;
    while taken < 20 {
        let messages = take(&mut *subscription).await;
        assert!(messages.len() <= 3, "{} in a batch", messages.len());
        taken += messages.len();
    }
}

/// No message joins once the limit is reached, so the last one may exceed it.
pub async fn a_batch_holds_so_many_bytes(bus: TestBus) {
    for _ in 0..20 {
        let message = Message::new(vec![b' '; 100]);
        bus.publish(Queue::Submitted, message, soon()).await.expect("published");
    }
    let limit = BatchLimit { messages: 1000, bytes: 250 };
    let mut subscription = bus.subscribe(Queue::Submitted, limit);
    let mut taken = 0;
    while taken < 20 {
        let messages = take(&mut *subscription).await;
        assert!(messages.len() <= 3, "{} in a batch", messages.len());
        taken += messages.len();
    }
    let message = Message::new(vec![b' '; 10_000]);
    bus.publish(Queue::Submitted, message, soon()).await.expect("published");
    assert_eq!(take(&mut *subscription).await[0].body.len(), 10_000);
}

pub async fn competing_subscriptions_share(bus: TestBus) {
    publish(&*bus, Queue::Submitted, 0..20).await;
    let mut holding = bus.subscribe(Queue::Submitted, at_most(1));
    let held = timeout(LONG, holding.next_batch()).await.expect("a batch");
    // The other one gets everything that is not held.
    let mut other = bus.subscribe(Queue::Submitted, any());
    let mut numbers = take_numbers(&mut *other, 19).await;
    numbers.extend(held.messages().iter().map(number));
    held.ack().await.expect("acknowledged");
    numbers.sort_unstable();
    assert_eq!(numbers, (0..20).collect::<Vec<_>>());

    let (sender, mut taken) = mpsc::unbounded_channel();
    for mut subscription in [holding, other] {
        let sender = sender.clone();
        tokio::spawn(async move {
            while !sender.is_closed() {
                for message in take(&mut *subscription).await {
                    let _ = sender.send(number(&message));
                }
            }
        });
    }
    publish(&*bus, Queue::Submitted, 0..500).await;
    // Marks the end: each number must have come once when these have.
    publish(&*bus, Queue::Submitted, [1000, 1000]).await;
    let mut counts = HashMap::<u32, usize>::new();
    for _ in 0..502 {
        let number = timeout(LONG, taken.recv()).await.expect("in time").expect("a number");
        *counts.entry(number).or_default() += 1;
    }
    assert_eq!(counts.remove(&1000), Some(2));
    assert_eq!(counts.len(), 500);
    assert!(counts.values().all(|count| *count == 1));
}

pub async fn waiting_for_a_batch_can_be_given_up(bus: TestBus) {
    let publisher = bus.share();
    let publishing = tokio::spawn(async move {
        publish(&*publisher, Queue::Submitted, 0..300).await;
    });
    let mut subscription = bus.subscribe(Queue::Submitted, at_most(5));
    let mut numbers = Vec::new();
    // Gives up at ever other points of the way, the start of the subscription among them; later each
    // time round, since on a busy machine that start alone can take longer than the first rounds wait.
    for (round, step) in (1_u32..).flat_map(|round| (0_u64..40).map(move |step| (round, step))) {
        let patience = Duration::from_micros(step * step * 20) * round;
        let Ok(batch) = timeout(patience, subscription.next_batch()).await else { continue };
        numbers.extend(batch.messages().iter().map(number));
        batch.ack().await.expect("acknowledged");
        if numbers.len() >= 300 {
            break;
        }
    }
    publishing.await.expect("published");
    numbers.sort_unstable();
    assert_eq!(numbers, (0..300).collect::<Vec<_>>());
}

pub async fn closing_ends(bus: TestBus) {
    publish(&*bus, Queue::Submitted, [1]).await;
    let mut subscription = bus.subscribe(Queue::Submitted, any());
    take(&mut *subscription).await;
    drop(subscription);
    timeout(LONG, bus.close()).await.expect("closed");
    // Once more, by another part of the service.
    timeout(LONG, bus.close()).await.expect("closed");
}
