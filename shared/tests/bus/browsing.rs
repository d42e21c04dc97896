//! Looking through a queue.

use shared::bus::Queue;

use crate::fixture::{TestBus, any, number, publish, soon, take_numbers};

const QUEUE: Queue = Queue::DeadLetters;

pub async fn what_is_not_removed_is_given_back_in_order(bus: TestBus) {
    publish(&*bus, QUEUE, 0..5).await;
    let mut browser = bus.browse(QUEUE, soon()).await.expect("there");
    for n in 0..4 {
        assert_eq!(browser.left(), 5 - n);
        let shown = browser.next().await.expect("there").expect("a message");
        assert_eq!(number(&shown.message), n);
        if n % 2 == 1 {
            browser.remove(shown).await.expect("removed");
        }
    }
    assert_eq!(browser.left(), 1);
    browser.close().await.expect("closed");
    let mut subscription = bus.subscribe(QUEUE, any());
    let mut left = take_numbers(&mut *subscription, 3).await;
    // A broker may put back what it had not sent ahead of what it had.
    left.sort_unstable();
    assert_eq!(left, [0, 2, 4]);
}

pub async fn only_what_was_there_at_first_is_shown(bus: TestBus) {
    publish(&*bus, QUEUE, 0..2).await;
    let mut browser = bus.browse(QUEUE, soon()).await.expect("there");
    publish(&*bus, QUEUE, 2..4).await;
    for n in 0..2 {
        let shown = browser.next().await.expect("there").expect("a message");
        assert_eq!(number(&shown.message), n);
    }
    assert!(browser.next().await.expect("there").is_none());
    drop(browser);
    // Dropped, it gives back everything, too.
    let mut subscription = bus.subscribe(QUEUE, any());
    let mut all = take_numbers(&mut *subscription, 4).await;
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 3]);
}

pub async fn an_empty_queue_shows_nothing(bus: TestBus) {
    let mut browser = bus.browse(QUEUE, soon()).await.expect("there");
    assert_eq!(browser.left(), 0);
    assert!(browser.next().await.expect("there").is_none());
    browser.close().await.expect("closed");
}
