//! What becomes of messages that were not worked on.

use std::time::Duration;

use shared::bus::{
    DELIVERY_LIMIT, Message, Queue, REASON_HEADER, SOURCE_HEADER, Subscription, dead_letter,
};
use tokio::time::timeout;

use crate::fixture::{
    LONG, TestBus, any, at_most, finish_soon, number, publish, soon, take, take_numbers,
};

pub async fn an_acknowledged_batch_is_done(bus: TestBus) {
    publish(&*bus, Queue::Submitted, [1]).await;
    let mut subscription = bus.subscribe(Queue::Submitted, any());
    take(&mut *subscription).await;
    drop(subscription);
    only_new_ones_come(&bus, 2).await;
}

pub async fn what_is_acknowledged_soon_is_done_at_the_end(bus: TestBus) {
    publish(&*bus, Queue::Submitted, 0..10).await;
    let mut subscription = bus.subscribe(Queue::Submitted, at_most(100));
    finish_soon(&mut *subscription, 10).await;
    subscription.flush().await;
    drop(subscription);
    only_new_ones_come(&bus, 10).await;
}

pub async fn what_is_acknowledged_soon_is_done_while_waiting(bus: TestBus) {
    publish(&*bus, Queue::Submitted, 0..10).await;
    let mut subscription = bus.subscribe(Queue::Submitted, at_most(100));
    finish_soon(&mut *subscription, 10).await;
    let more = timeout(Duration::from_secs(1), subscription.next_batch()).await;
    assert!(more.is_err(), "there is no more");
    drop(more);
    drop(subscription);
    only_new_ones_come(&bus, 10).await;
}

pub async fn a_failure_repeats_nothing_that_is_done(bus: TestBus) {
    publish(&*bus, Queue::Submitted, [0]).await;
    let mut subscription = bus.subscribe(Queue::Submitted, at_most(100));
    take(&mut *subscription).await;
    publish(&*bus, Queue::Submitted, [1]).await;
    assert_eq!(finish_soon(&mut *subscription, 1).await, [1]);
    publish(&*bus, Queue::Submitted, [2]).await;
    assert_eq!(number(&fail_once(&mut *subscription).await[0]), 2);
    assert_eq!(take_numbers(&mut *subscription, 1).await, [2]);
}

/// However few messages may be under way.
pub async fn what_is_acknowledged_soon_holds_up_nothing(bus: TestBus) {
    for most in [1, 3, 20] {
        publish(&*bus, Queue::Submitted, 0..40).await;
        let mut subscription = bus.subscribe(Queue::Submitted, at_most(most));
        let numbers = finish_soon(&mut *subscription, 40).await;
        assert_eq!(numbers, (0..40).collect::<Vec<_>>());
        subscription.flush().await;
    }
}

pub async fn a_dropped_batch_comes_again(bus: TestBus) {
    publish(&*bus, Queue::Submitted, [1]).await;
    let mut subscription = bus.subscribe(Queue::Submitted, any());
    for failures in 0..3 {
        let messages = fail_once(&mut *subscription).await;
        assert_eq!(messages[0].redeliveries, failures);
    }
    assert_eq!(take(&mut *subscription).await[0].redeliveries, 3);

    publish(&*bus, Queue::Submitted, 0..5).await;
    fail_once(&mut *subscription).await;
    assert_eq!(take_numbers(&mut *subscription, 5).await, [0, 1, 2, 3, 4]);
}

pub async fn a_dropped_subscription_gives_everything_back(bus: TestBus) {
    publish(&*bus, Queue::Submitted, 0..20).await;
    let mut subscription = bus.subscribe(Queue::Submitted, any());
    let batch = timeout(LONG, subscription.next_batch()).await.expect("a batch");
    drop(batch);
    drop(subscription);
    // One that fetched, and was dropped between two batches.
    let mut subscription = bus.subscribe(Queue::Submitted, at_most(5));
    let mut numbers = take_numbers(&mut *subscription, 1).await;
    drop(subscription);
    let mut subscription = bus.subscribe(Queue::Submitted, any());
    numbers.extend(take_numbers(&mut *subscription, 20 - numbers.len()).await);
    numbers.sort_unstable();
    assert_eq!(numbers, (0..20).collect::<Vec<_>>());
}

pub async fn a_message_that_always_fails_becomes_a_dead_letter(bus: TestBus) {
    publish(&*bus, Queue::Submitted, [7]).await;
    let failing = bus.share();
    let failures = tokio::spawn(async move {
        let mut subscription = failing.subscribe(Queue::Submitted, any());
        let mut failures = 0;
        loop {
            let messages = fail_once(&mut *subscription).await;
            if number(&messages[0]) == 8 {
                return failures;
            }
            failures += 1;
        }
    });
    let mut letters = bus.subscribe(Queue::DeadLetters, any());
    let letter = take(&mut *letters).await.remove(0);
    assert_eq!(number(&letter), 7);
    assert_eq!(letter.header(REASON_HEADER), Some("delivery_limit"));
    assert_eq!(letter.header(SOURCE_HEADER), Some("leads.submitted"));
    // Nothing of it is left in the queue: the next message is another one.
    publish(&*bus, Queue::Submitted, [8]).await;
    let failures = timeout(LONG, failures).await.expect("in time").expect("counted");
    // The first delivery is no redelivery.
    assert_eq!(failures, DELIVERY_LIMIT + 1);
}

pub async fn a_dead_letter_says_why(bus: TestBus) {
    let message = Message {
        reply_to: Some("somebody".to_owned()),
        correlation_id: Some("17".to_owned()),
        ..Message::new("nonsense").with_header("x-colour", "green")
    };
    dead_letter(&*bus, Queue::Resolved, &message, "unreadable", soon()).await.expect("published");
    let mut letters = bus.subscribe(Queue::DeadLetters, any());
    let letter = take(&mut *letters).await.remove(0);
    assert_eq!(letter.header(REASON_HEADER), Some("unreadable"));
    assert_eq!(letter.header(SOURCE_HEADER), Some("leads.resolved"));
    assert_eq!(letter.header("x-colour"), Some("green"));
    assert_eq!(
        (letter.body, letter.reply_to, letter.correlation_id),
        (message.body, message.reply_to, message.correlation_id)
    );
}

/// Takes a batch, drops it and returns what was in it.
async fn fail_once(subscription: &mut dyn Subscription) -> Vec<Message> {
    let batch = timeout(LONG, subscription.next_batch()).await.expect("a batch");
    batch.messages().to_vec()
}

/// Shows that nothing is left of what was published before.
async fn only_new_ones_come(bus: &TestBus, new: u32) {
    publish(&**bus, Queue::Submitted, [new]).await;
    let mut subscription = bus.subscribe(Queue::Submitted, any());
    assert_eq!(take_numbers(&mut *subscription, 1).await, [new]);
}
