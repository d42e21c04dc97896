//! Services, broker and database end without a word, under load. Callers may have to ask again; no
//! acknowledged lead is lost, no link is told to be added twice or never, nothing waits in the end.

use std::time::Duration;

use test_support::{Broker, TestVhost};
use tokio::time::sleep;

use crate::{
    dice::Dice,
    history::History,
    load::{Load, Publisher, a_while},
    processes::Processes,
    system::System,
};

#[tokio::test(flavor = "multi_thread")]
async fn killed_services_lose_nothing() {
    let mut dice = Dice::thrown();
    let vhost = TestVhost::create().await;
    let mut processes = Processes::start(&vhost.amqp_url()).await;
    let load = Load::start(&processes.acme, 8, &mut dice).await;
    let publisher = Publisher::start(&processes, &vhost.amqp_url()).await;
    for _ in 0..24 {
        a_while(&mut dice, Duration::from_millis(400)).await;
        let service = match dice.below(3) {
            0 => &mut processes.gateway,
            1 => &mut processes.lead_service,
            _ => &mut processes.campaign_service,
        };
        service.kill().await;
        service.start();
    }
    publisher.finish(&processes.database).await;
    let exchanges = load.finish().await;
    println!("{} requests", exchanges.len());
    let history = History { exchanges, caller: &processes.acme, database: &processes.database };
    history.check(&vhost).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_broker_loses_nothing() {
    let mut dice = Dice::thrown();
    let broker = Broker::start().await;
    let vhost = TestVhost::create_on(&broker).await;
    let processes = Processes::start(&vhost.amqp_url()).await;
    let load = Load::start(&processes.acme, 4, &mut dice).await;
    let publisher = Publisher::start(&processes, &vhost.amqp_url()).await;
    // RabbitMQ 3.10 writes the registration of a new quorum queue some seconds late. Killed before,
    // it starts the queue as a new member that elects no leader, and the queue hangs.
    sleep(Duration::from_secs(5)).await;
    a_while(&mut dice, Duration::from_millis(500)).await;
    broker.kill().await;
    broker.start_again().await;
    sleep(Duration::from_secs(1)).await;
    publisher.finish(&processes.database).await;
    let exchanges = load.finish().await;
    println!("{} requests", exchanges.len());
    let history = History { exchanges, caller: &processes.acme, database: &processes.database };
    history.check(&vhost).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_database_connections_lose_nothing() {
    let mut dice = Dice::thrown();
    let system = System::with(2, Some(TestVhost::create().await), |_| {}).await;
    let load = Load::start(&system.acme, 8, &mut dice).await;
    for _ in 0..30 {
        a_while(&mut dice, Duration::from_millis(200)).await;
        system.database.cut_connections().await;
    }
    let exchanges = load.finish().await;
    println!("{} requests", exchanges.len());
    let history = History { exchanges, caller: &system.acme, database: &system.database };
    history.check(system.vhost.as_ref().expect("on RabbitMQ")).await;
}

/// Messages are held, none becomes a dead letter, and all drains when the database is back.
#[tokio::test(flavor = "multi_thread")]
async fn an_absent_database_is_waited_for() {
    let mut dice = Dice::thrown();
    let system = System::with(2, Some(TestVhost::create().await), |_| {}).await;
    let load = Load::start(&system.acme, 8, &mut dice).await;
    for _ in 0..2 {
        sleep(Duration::from_millis(500)).await;
        system.database.go_away().await;
        sleep(Duration::from_secs(3)).await;
        system.database.come_back().await;
    }
    sleep(Duration::from_secs(1)).await;
    let exchanges = load.finish().await;
    println!("{} requests", exchanges.len());
    let history = History { exchanges, caller: &system.acme, database: &system.database };
    history.check(system.vhost.as_ref().expect("on RabbitMQ")).await;
}
