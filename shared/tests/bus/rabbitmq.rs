//! What only a broker can show: its loss and its return.

use std::{collections::HashSet, sync::Arc, time::Duration};

use bytes::Bytes;
use shared::bus::{BusError, Message, Queue, Status, rabbit::RabbitBus, within};
use test_support::{Broker, eventually};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{sleep, timeout},
};

use crate::fixture::{
    LONG, any, at_most, connect, echo, finish_soon, number, publish, rabbitmq, soon, take,
    take_numbers,
};

/// A broker takes some seconds to stop and to start, on a busy machine more.
const RESTART: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_broker_loses_nothing() {
    let broker = Broker::start().await;
    let bus = connect(broker.amqp_url());

    // Counts how many are confirmed, until told to stop.
    let (confirm, mut confirmed) = watch::channel(0_u32);
    let stop = Arc::new(Notify::new());
    let (publisher, stopped) = (bus.clone(), stop.clone());
    let publishing = tokio::spawn(async move {
        let all = async {
            for number in 0.. {
                let message = Message::new(number.to_string());
                let published = publisher.publish(Queue::Submitted, message, within(RESTART));
                published.await.expect("published");
                confirm.send_replace(number + 1);
            }
        };
        tokio::select! {
            () = all => {}
            () = stopped.notified() => {}
        }
    });
    let (sender, mut arrived) = mpsc::unbounded_channel();
    let mut subscription = bus.subscribe(Queue::Submitted, at_most(10));
    tokio::spawn(async move {
        loop {
            let batch = subscription.next_batch().await;
            for message in batch.messages() {
                let _ = sender.send(number(message));
            }
            // Where it fails, the messages come again.
            let _ = batch.ack().await;
        }
    });
    confirmed.wait_for(|count| *count >= 100).await.expect("publishing");

    broker.stop().await;
    let before = *confirmed.borrow();
    broker.start_again().await;
    let resumed = confirmed.wait_for(|count| *count >= before + 100);
    timeout(RESTART, resumed).await.expect("publishing again in time").expect("publishing");
    stop.notify_one();
    publishing.await.expect("published");

    let mut missing: HashSet<_> = (0..*confirmed.borrow()).collect();
    while !missing.is_empty() {
        let number = timeout(RESTART, arrived.recv()).await;
        missing.remove(&number.expect("what was confirmed arrives").expect("consuming"));
    }
}

/// The broker's crash loses the place for the reply, and yet the call is answered.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_answered_across_a_crash_of_the_broker() {
    let broker = Broker::start().await;
    let (caller, responder) = (connect(broker.amqp_url()), connect(broker.amqp_url()));
    let call = tokio::spawn(async move {
        caller.call(Queue::LeadRequests, Message::new("1"), within(RESTART)).await
    });
    let mut requests = responder.subscribe(Queue::LeadRequests, any());
    let request = take(&mut *requests).await.remove(0);
    // RabbitMQ 3.10 writes the registration of a new quorum queue some seconds late. Killed before,
    // it starts the queue as a new member that elects no leader, and the queue hangs.
    sleep(Duration::from_secs(5)).await;
    broker.kill().await;
    let reply = Bytes::from_static(b"one");
    let (replied, ()) = tokio::join!(
        responder.reply(&request, reply.clone(), within(RESTART)),
        broker.start_again()
    );
    replied.expect("replied, to a queue that is gone");
    // Copies of before the crash may come first; their replies go to that queue, too.
    let answering = async {
        loop {
            let batch = requests.next_batch().await;
            for repeated in batch.messages() {
                assert_eq!(number(repeated), 1);
                responder.reply(repeated, reply.clone(), soon()).await.expect("replied");
            }
            let _ = batch.ack().await;
        }
    };
    let answered = tokio::select! {
        answered = timeout(RESTART, call) => answered.expect("in time"),
        () = answering => panic!("it never ends"),
    };
    assert_eq!(answered.expect("no panic"), Ok(reply.clone()));
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_waits_for_an_absent_broker() {
    let broker = Broker::start().await;
    let bus = connect(broker.amqp_url());
    publish(&*bus, Queue::Submitted, [1]).await;
    assert_eq!(bus.status(), Status::Ready);
    broker.kill().await;

    let unavailable = async || matches!(bus.status(), Status::Unavailable(_)).then_some(());
    eventually(LONG, unavailable).await;
    let message = Message::new("in vain");
    let refused = bus.publish(Queue::Submitted, message, within(Duration::from_millis(300))).await;
    assert!(matches!(refused, Err(BusError::Unavailable(_))), "{refused:?}");

    // One bus that knew the broker, and one that never did.
    let newcomer = connect(broker.amqp_url());
    let (second, third) = (Message::new("2"), Message::new("3"));
    let (second, third, ()) = tokio::join!(
        bus.publish(Queue::Submitted, second, within(RESTART)),
        newcomer.publish(Queue::Submitted, third, within(RESTART)),
        broker.start_again()
    );
    second.expect("published");
    third.expect("published");
    let mut subscription = newcomer.subscribe(Queue::Submitted, any());
    let mut numbers = take_numbers(&mut *subscription, 3).await;
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(bus.status(), Status::Ready);
}

/// A queue that refuses, as one with a limit does, is waited for like an absent broker.
#[tokio::test(flavor = "multi_thread")]
async fn publishing_waits_for_room() {
    let bus = rabbitmq().await;
    publish(&*bus, Queue::Resolved, [1]).await;
    bus.vhost().limit_length(Queue::Resolved.name(), 1).await;
    // The limit holds from the moment when the queue has noticed.
    let full = BusError::Unavailable("the broker refused the message".to_owned());
    let fill = async || {
        let filling = Message::new("1");
        let filled = bus.publish(Queue::Resolved, filling, within(Duration::from_secs(1))).await;
        (filled == Err(full.clone())).then_some(())
    };
    eventually(LONG, fill).await;

    let making_room = async {
        sleep(Duration::from_millis(300)).await;
        let mut subscription = bus.subscribe(Queue::Resolved, any());
        while !take(&mut *subscription).await.iter().any(|message| number(message) == 2) {}
    };
    let published = bus.publish(Queue::Resolved, Message::new("2"), soon());
    let (published, ()) = tokio::join!(published, making_room);
    published.expect("published");
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_connections_are_built_anew() {
    let bus = rabbitmq().await;
    echo(bus.share(), Queue::LeadRequests);
    publish(&*bus, Queue::Submitted, [1]).await;
    let mut subscription = bus.subscribe(Queue::Submitted, any());
    let held = timeout(LONG, subscription.next_batch()).await.expect("a batch");

    // The broker lists connections with a delay.
    let two = async || Some(bus.vhost().connections().await).filter(|names| names.len() == 2);
    let before = eventually(LONG, two).await;
    let waiting = bus.share();
    let call = tokio::spawn(async move {
        waiting.call(Queue::CampaignRequests, Message::new("2"), soon()).await
    });
    let mut requests = bus.subscribe(Queue::CampaignRequests, any());
    let request = take(&mut *requests).await.remove(0);
    // The first that is closed may end the other one, before the broker is told to.
    assert!(bus.vhost().close_all_connections().await > 0);

    // Settled in vain, as the broker knows it by no connection any more.
    let _ = held.ack().await;
    assert_eq!(take_numbers(&mut *subscription, 1).await, [1]);
    let repeated = take(&mut *requests).await.remove(0);
    assert_ne!(repeated.reply_to, request.reply_to);
    bus.reply(&repeated, repeated.body.clone(), soon()).await.expect("replied");
    assert_eq!(call.await.expect("no panic"), Ok(Bytes::from_static(b"2")));
    let again = bus.call(Queue::LeadRequests, Message::new("3"), soon()).await;
    assert_eq!(again, Ok(Bytes::from_static(b"3")));
    let two_others = async || {
        let names = bus.vhost().connections().await;
        (names.len() == 2 && names.iter().all(|name| !before.contains(name))).then_some(())
    };
    eventually(LONG, two_others).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_bus_refuses_at_once() {
    let bus = rabbitmq().await;
    publish(&*bus, Queue::Submitted, [1]).await;
    bus.close().await;
    let refused = bus.publish(Queue::Submitted, Message::new("2"), soon());
    let refused = timeout(LONG / 2, refused).await.expect("at once");
    assert!(matches!(refused, Err(BusError::Unavailable(_))), "{refused:?}");
    let refused = bus.call(Queue::Submitted, Message::new(""), soon());
    let refused = timeout(LONG / 2, refused).await.expect("at once");
    assert!(matches!(refused, Err(BusError::Unavailable(_))), "{refused:?}");
    assert!(matches!(bus.status(), Status::Unavailable(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_url_is_refused_at_the_start() {
    for url in ["", "http://localhost", "amqp://localhost:port"] {
        assert!(RabbitBus::start(url, "test").is_err(), "{url:?}");
    }
}

/// However long the next batch takes, as under a memory alarm.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_put_off_is_sent_beside_the_next_batch() {
    let bus = rabbitmq().await;
    let mut subscription = bus.subscribe(Queue::Submitted, any());
    publish(&*bus, Queue::Submitted, [0]).await;
    // The first comes alone and is acknowledged at once.
    take(&mut *subscription).await;
    publish(&*bus, Queue::Submitted, [1]).await;
    finish_soon(&mut *subscription, 1).await;
    publish(&*bus, Queue::Submitted, [2]).await;
    let mut held = timeout(LONG, subscription.next_batch()).await.expect("a batch");
    let (messages, put_off) = held.at_work();
    assert_eq!(messages.iter().map(number).collect::<Vec<_>>(), [2]);
    let _ = timeout(Duration::from_millis(500), put_off).await;
    // As in a crash, nothing else is sent.
    std::mem::forget(held);
    timeout(LONG, bus.close()).await.expect("closed");
    let bus = connect(&bus.vhost().amqp_url());
    let mut subscription = bus.subscribe(Queue::Submitted, any());
    assert_eq!(take_numbers(&mut *subscription, 1).await, [2]);
}
