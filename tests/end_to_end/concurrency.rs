//! Many callers at once, about the same people: no error, no deadlock, one lead, one link.

use std::time::Instant;

use serde_json::{Value, json};
use test_support::TestVhost;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    dice::Dice,
    history::{Exchange, History, leads},
    system::{Caller, System},
    tables::deadlocks,
};

const CALLERS: u64 = 24;
const REQUESTS: usize = 12;
/// People that the callers know; with two campaigns, every pair is asked for many times.
const PEOPLE: u64 = 40;

#[tokio::test(flavor = "multi_thread")]
async fn overlapping_callers_on_one_replica() {
    overlapping_callers(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn overlapping_callers_on_three_replicas() {
    overlapping_callers(3).await;
}

async fn overlapping_callers(replicas: usize) {
    let mut dice = Dice::thrown();
    let mut system = System::with(replicas, Some(TestVhost::create().await), |_| {}).await;
    let campaigns = [system.acme.campaign("One").await, system.acme.campaign("Other").await];
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        callers.spawn(overlap(system.acme.clone(), campaigns, dice.split()));
    }
    finish(&mut system, callers.join_all().await.into_iter().flatten().collect()).await;
}

/// Asks for a few people at a time, among them the crossed pairs of two: A's phone with B's email
/// and B's phone with A's email.
async fn overlap(caller: Caller, campaigns: [Uuid; 2], mut dice: Dice) -> Vec<Exchange> {
    let mut exchanges = Vec::new();
    for _ in 0..REQUESTS {
        let mut entries = Vec::new();
        for _ in 0..3 {
            let a = dice.below(PEOPLE);
            let b = (a + 1) % PEOPLE;
            entries.push(json!({"phone": phone(a), "email": email(b)}));
            entries.push(json!({"phone": phone(b), "email": email(a)}));
            entries.push(json!({"phone": phone(dice.below(PEOPLE))}));
        }
        dice.shuffle(&mut entries);
        let campaign = dice.pick(&campaigns);
        exchanges.push(Exchange::at_once(&caller, campaign, leads(entries, "fill")).await);
    }
    exchanges
}

/// The hottest key there can be. Every request waits for all before it, and still none fails.
#[tokio::test(flavor = "multi_thread")]
async fn sixteen_writers_on_one_phone() {
    let mut system = System::with(3, Some(TestVhost::create().await), |_| {}).await;
    let campaign = system.acme.campaign("Hot").await;
    let mut callers = JoinSet::new();
    let started = Instant::now();
    for writer in 0..16 {
        let caller = system.acme.clone();
        callers.spawn(async move {
            let mut exchanges = Vec::new();
            for n in 0..25 {
                let entry = json!({"phone": phone(0), "first_name": format!("{writer}-{n}")});
                let body = leads(vec![entry], "overwrite");
                exchanges.push(Exchange::at_once(&caller, campaign, body).await);
            }
            exchanges
        });
    }
    let exchanges: Vec<_> = callers.join_all().await.into_iter().flatten().collect();
    println!("{} requests on one phone in {:?}", exchanges.len(), started.elapsed());
    assert_eq!(exchanges.iter().map(Exchange::added).sum::<u64>(), 1);
    assert_eq!(system.count("lead.leads").await, 1);
    finish(&mut system, exchanges).await;
}

async fn finish(system: &mut System, exchanges: Vec<Exchange>) {
    let caller = system.acme.clone();
    let history = History { exchanges, caller: &caller, database: &system.database };
    history.check(system.vhost.as_ref().expect("on RabbitMQ")).await;
    system.stop().await;
    assert_eq!(deadlocks(&system.database).await, 0);
}

fn phone(person: u64) -> Value {
    json!(format!("+1555{person:07}"))
}

fn email(person: u64) -> Value {
    json!(format!("{person}@example.com"))
}
