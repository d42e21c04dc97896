//! Callers that are slow on purpose (rows 47-51): each is bounded by a deadline, and others do not
//! notice.
//!
//! The framework ends a slow first head with 408 and closes a silent connection by itself. For a
//! later head that comes byte by byte, and for an answer that nobody reads, it has no deadline;
//! `gateway/src/connections.rs` has.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::time::{interval, timeout};

use crate::system::System;

use super::raw::{JSON, LONG, Raw, bearer, leads_of, post, request, serves};

/// Deadlines of one second each.
async fn impatient() -> System {
    System::with(1, None, |settings| {
        settings.gateway.head_timeout_seconds = 1;
        settings.gateway.body_timeout_seconds = 1;
        settings.gateway.keep_alive_seconds = 1;
    })
    .await
}

/// Sends byte after byte, so that no connection is ever silent for long, until the gateway has had
/// enough.
async fn dribble(raw: &mut Raw, bytes: &[u8]) {
    let mut pause = interval(Duration::from_millis(50));
    let mut bytes = bytes.iter().cycle();
    let enough = async {
        while raw.send([*bytes.next().expect("endless")]).await {
            pause.tick().await;
        }
    };
    timeout(LONG, enough).await.expect("the gateway had enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_heads_end() {
    let system = impatient().await;
    let get = request("GET /v1/workspace", &[&bearer(&system.acme)], "");
    let (mut silent, mut first, mut later) =
        (Raw::connect(&system).await, Raw::connect(&system).await, Raw::connect(&system).await);
    first.send("GET /v1/workspace HTTP/1.1\r\nX-Slow: ").await;
    later.send(&get).await;
    assert_eq!(later.answer().await.expect("an answer").status, 200);
    later.send("GET /v1/workspace HTTP/1.1\r\nX-Slow: ").await;
    let began = Instant::now();
    tokio::join!(
        async {
            assert_eq!(silent.answer().await.map(|answer| answer.status), Some(408));
            assert!(silent.closed().await);
        },
        async {
            dribble(&mut first, b"a").await;
            // The reset by late bytes may overtake the answer.
            assert!(first.answer().await.is_none_or(|answer| answer.status == 408));
        },
        async {
            dribble(&mut later, b"a").await;
            assert!(later.closed().await);
        },
        serves(&system),
    );
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    serves(&system).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_bodies_end() {
    let system = impatient().await;
    let path = leads_of(system.acme.campaign("Slow").await);
    let key = bearer(&system.acme);
    let head = |length: &str| request(&format!("POST {path}"), &[&key, JSON, length], "");
    let (mut silent, mut sized, mut chunked) =
        (Raw::connect(&system).await, Raw::connect(&system).await, Raw::connect(&system).await);
    silent.send(head("Content-Length: 100")).await;
    sized.send(head("Content-Length: 1000000")).await;
    chunked.send(head("Transfer-Encoding: chunked")).await;
    let began = Instant::now();
    tokio::join!(
        async {
            let answer = silent.answer().await.expect("an answer");
            assert_eq!((answer.status, answer.code().as_deref()), (400, Some("bad_request")));
        },
        dribble(&mut sized, b" "),
        // A chunked body may be drained to its end; there is none.
        dribble(&mut chunked, b"1\r\n \r\n"),
    );
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    assert_eq!(system.count("lead.leads").await, 0);
    serves(&system).await;
}

/// Connections without a word cost little, and others are served.
#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_end() {
    let system = impatient().await;
    let get = request("GET /health", &[], "");
    let mut idle = Vec::new();
    for n in 0..200 {
        let mut raw = Raw::connect(&system).await;
        if n % 2 == 0 {
            raw.send(&get).await;
            assert_eq!(raw.answer().await.expect("an answer").status, 200);
        }
        idle.push(raw);
    }
    serves(&system).await;
    let ends = idle.iter_mut().map(|raw| async {
        // Never used: 408. Used before: closed.
        assert!(raw.answer().await.is_none_or(|answer| answer.status == 408));
    });
    join_all(ends).await;
    serves(&system).await;
}

/// Answers that nobody reads fill the socket, and then the connection ends.
#[tokio::test(flavor = "multi_thread")]
async fn slow_readers_end() {
    let system = impatient().await;
    let path = leads_of(system.acme.campaign("Unread").await);
    let body = format!(r#"{{"leads":[{}]}}"#, vec!["{}"; 1_000].join(","));
    let request = post(&system.acme, &path, body);
    let mut raw = Raw::connect(&system).await;
    let enough = async { while raw.send(&request).await {} };
    timeout(LONG, enough).await.expect("the gateway had enough");
    serves(&system).await;
}
