//! Calls and their replies.

use std::time::Duration;

use bytes::Bytes;
use shared::bus::{Bus, BusError, Message, Queue, within};
use tokio::{task::JoinSet, time::Instant};

use crate::fixture::{LONG, TestBus, any, echo, number, soon, take, take_numbers};

/// How long a call waits that is to wait in vain.
const SHORT: Duration = Duration::from_millis(300);

pub async fn each_call_gets_its_own_reply(bus: TestBus) {
    echo(bus.share(), Queue::Submitted);
    echo(bus.share(), Queue::LeadRequests);
    let mut calls = JoinSet::new();
    for caller in 0..100_u32 {
        let bus = bus.share();
        let queue = if caller % 2 == 0 { Queue::Submitted } else { Queue::LeadRequests };
        calls.spawn(async move {
            let body = Bytes::from(caller.to_string());
            let reply = bus.call(queue, Message::new(body.clone()), soon()).await.expect("a reply");
            assert_eq!(reply, body);
        });
    }
    calls.join_all().await;
}

/// The way of a submission: the lead service hands on, the campaign service answers.
pub async fn a_reply_may_come_from_further_down(bus: TestBus) {
    let mut resolving = bus.subscribe(Queue::Submitted, any());
    echo(bus.share(), Queue::Resolved);
    let bus = &*bus;
    let handing_on = async {
        let request = take(&mut *resolving).await.remove(0);
        let resolved = Message::following(&request, "resolved");
        bus.publish(Queue::Resolved, resolved, soon()).await.expect("published");
    };
    let body = Bytes::from_static(b"submitted");
    let (reply, ()) =
        tokio::join!(bus.call(Queue::Submitted, Message::new(body), soon()), handing_on);
    assert_eq!(reply.expect("a reply"), "resolved");
}

pub async fn a_call_without_an_answer_ends_at_its_deadline(bus: TestBus) {
    answered_call(&bus).await;
    let deadline = within(SHORT);
    call_in_vain(&*bus, Queue::CampaignRequests, 1, deadline).await;
    assert!(Instant::now() >= deadline);
    assert!(Instant::now() < deadline + LONG / 2, "the deadline was not kept");
}

pub async fn a_request_expires_with_its_caller(bus: TestBus) {
    answered_call(&bus).await;
    call_in_vain(&*bus, Queue::CampaignRequests, 1, within(SHORT)).await;
    // Not by a call, but by whoever asks and waits elsewhere.
    let message = Message::new("2");
    bus.publish(Queue::CampaignRequests, message, within(SHORT)).await.expect("published");
    tokio::time::sleep(SHORT * 2).await;
    let message = Message::new("3");
    bus.publish(Queue::CampaignRequests, message, soon()).await.expect("published");
    let mut subscription = bus.subscribe(Queue::CampaignRequests, any());
    assert_eq!(take_numbers(&mut *subscription, 1).await, [3]);
}

pub async fn a_submission_outlives_its_caller(bus: TestBus) {
    answered_call(&bus).await;
    call_in_vain(&*bus, Queue::Resolved, 1, within(SHORT)).await;
    let mut subscription = bus.subscribe(Queue::Resolved, any());
    assert_eq!(take_numbers(&mut *subscription, 1).await, [1]);
}

pub async fn late_unknown_and_second_replies_are_dropped(bus: TestBus) {
    answered_call(&bus).await;
    call_in_vain(&*bus, Queue::Submitted, 1, within(SHORT)).await;
    let mut subscription = bus.subscribe(Queue::Submitted, any());
    let late = take(&mut *subscription).await.remove(0);
    let unknown = Message { correlation_id: Some("unknown".to_owned()), ..late.clone() };
    let unnamed = Message { correlation_id: None, ..late.clone() };
    let nowhere = Message { reply_to: Some("reply.nobody".to_owned()), ..late.clone() };
    let unasked = Message { reply_to: None, ..late.clone() };
    for request in [late, unknown, unnamed, nowhere, unasked] {
        let reply = Bytes::from_static(b"stray");
        bus.reply(&request, reply, soon()).await.expect("not the replier's trouble");
    }
    let bus = &*bus;
    let answering = async {
        let request = take(&mut *subscription).await.remove(0);
        assert_eq!(number(&request), 2);
        for reply in ["first", "second"] {
            bus.reply(&request, Bytes::from(reply), soon()).await.expect("replied");
        }
    };
    let body = Bytes::from_static(b"2");
    let (reply, ()) =
        tokio::join!(bus.call(Queue::Submitted, Message::new(body), soon()), answering);
    // Replies travel side by side; services never send two different ones.
    assert!(["first", "second"].contains(&&*reply.expect("a reply").escape_ascii().to_string()));
    answered_call_on(bus).await;
}

/// Makes a call that succeeds, so that a short deadline later does not run out in connecting.
async fn answered_call(bus: &TestBus) {
    echo(bus.share(), Queue::LeadRequests);
    answered_call_on(&**bus).await;
}

async fn answered_call_on(bus: &dyn Bus) {
    let body = Bytes::from_static(b"hello");
    let reply = bus.call(Queue::LeadRequests, Message::new(body.clone()), soon()).await;
    assert_eq!(reply, Ok(body));
}

async fn call_in_vain(bus: &dyn Bus, queue: Queue, number: u32, deadline: Instant) {
    let reply = bus.call(queue, Message::new(number.to_string()), deadline).await;
    assert_eq!(reply, Err(BusError::Timeout));
}
