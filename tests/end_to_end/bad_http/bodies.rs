//! How long a body says it is, and how long it is (rows 35-42, 47, 52).

use diesel_async::SimpleAsyncConnection;
use serde_json::Value;
use shared::database::Database;
use test_support::eventually;

use crate::system::System;

use super::raw::{Answer, JSON, LONG, Raw, bearer, leads_of, post, request, send, serves};

const VALID: &str = r#"{"leads":[{"phone":"+15550000001"}]}"#;

async fn small() -> System {
    System::with(1, None, |settings| settings.gateway.max_body_bytes = 10_000).await
}

fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}

/// What is said of the length decides before a byte of the body is read.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_lengths_are_refused_unread() {
    let system = small().await;
    let path = leads_of(system.acme.campaign("Lengths").await);
    let key = bearer(&system.acme);
    let length = format!("Content-Length: {}", VALID.len());
    let chunked = "Transfer-Encoding: chunked";
    for (headers, status) in [
        (vec!["Content-Length: 10001"], 413),
        (vec!["Content-Length: 18446744073709551615"], 413),
        (vec!["Content-Length: 18446744073709551616"], 400),
        (vec!["Content-Length: +5"], 400),
        (vec!["Content-Length: -5"], 400),
        (vec!["Content-Length: 5, 5"], 400),
        (vec!["Content-Length: 0x5"], 400),
        (vec!["Content-Length: 5e1"], 400),
        (vec!["Content-Length:"], 400),
        (vec![&length, "Content-Length: 5"], 400),
        (vec![&length, &length], 400),
        (vec![&length, chunked], 400),
        (vec![chunked, &length], 400),
        (vec![chunked, chunked], 400),
        (vec!["Transfer-Encoding: gzip, chunked"], 400),
        (vec!["Transfer-Encoding: xchunked"], 400),
        (vec!["Transfer-Encoding: identity"], 400),
        (vec![&length, "Content-Encoding: gzip"], 415),
        (vec![&length, "Content-Encoding: x-unknown"], 415),
        (vec![&length, "Content-Encoding: gzip, identity"], 415),
        // No body at all.
        (vec![], 400),
        (vec!["Content-Length: 0"], 400),
    ] {
        let headers: Vec<_> = [key.as_str(), JSON].into_iter().chain(headers).collect();
        let answer = send(&system, request(&format!("POST {path}"), &headers, "")).await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, status, "{headers:?}");
        assert!(status == 400 || answer.code().is_some(), "{answer:?}");
    }
    assert_eq!(system.count("lead.leads").await, 0);
    serves(&system).await;
}

async fn send_chunks(system: &System, path: &str, chunks: &[&str]) -> Option<Answer> {
    let headers = [&bearer(&system.acme), JSON, "Transfer-Encoding: chunked"];
    let mut raw = Raw::connect(system).await;
    raw.send(request(&format!("POST {path}"), &headers, "")).await;
    for chunk in chunks {
        raw.send(chunk).await;
    }
    raw.answer().await
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_are_counted_as_they_come() {
    let system = small().await;
    let path = leads_of(system.acme.campaign("Chunks").await);
    // Byte by byte, with an extension and a trailer.
    let bytes: String = VALID.chars().map(|c| format!("1;x=y\r\n{c}\r\n")).collect();
    let answer = send_chunks(&system, &path, &[&bytes, "0\r\nX-Trailer: 1\r\n\r\n"]).await;
    assert_eq!(answer.expect("an answer").status, 200);

    // Refused in the middle: there is no last chunk. What it brings is counted too.
    let (part, beyond) = (chunk(&" ".repeat(5_000)), chunk(&" ".repeat(5_001)));
    let answer = send_chunks(&system, &path, &[&part, &beyond]).await.expect("an answer");
    assert_eq!((answer.status, answer.code().as_deref()), (413, Some("payload_too_large")));

    for bad in [
        "ffffffffffffffff\r\n",
        "fffffffffffffffff\r\n",
        "-1\r\n",
        "+1\r\nx\r\n",
        "0x1\r\nx\r\n",
        "\r\n",
        "zz\r\n",
        "1\r\nxx\r\n",
        "1\nx\n",
    ] {
        let mut raw = Raw::connect(&system).await;
        let headers = [&bearer(&system.acme), JSON, "Transfer-Encoding: chunked"];
        raw.send(request(&format!("POST {path}"), &headers, bad)).await;
        // A chunk of 2^64 - 1 bytes may begin; it ends here.
        raw.finish().await;
        if let Some(answer) = raw.answer().await {
            assert_eq!(answer.status, 400, "{bad:?}: {answer:?}");
        }
    }
    assert_eq!(system.count("lead.leads").await, 1);
    serves(&system).await;
}

/// A length that is too short cuts the JSON; what is left over is read as a request of its own and
/// does not become one of ours.
#[tokio::test(flavor = "multi_thread")]
async fn a_length_too_short_cuts_the_body() {
    let system = small().await;
    let path = leads_of(system.acme.campaign("Short").await);
    let length = format!("Content-Length: {}", VALID.len() - 10);
    let headers = [&bearer(&system.acme), JSON, &length];
    let mut raw = Raw::connect(&system).await;
    raw.send(request(&format!("POST {path}"), &headers, VALID)).await;
    let first = raw.answer().await.expect("an answer");
    assert_eq!((first.status, first.code().as_deref()), (400, Some("bad_request")));
    raw.finish().await;
    if let Some(second) = raw.answer().await {
        assert_eq!(second.status, 400);
    }
    assert!(raw.closed().await);
    assert_eq!(system.count("lead.leads").await, 0);
    serves(&system).await;
}

/// Each gets its own answer, in order, though sixteen at the most are looked at ahead.
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_requests_at_once_on_one_connection() {
    let system = small().await;
    let campaign = system.acme.campaign("Pipeline").await;
    let mut raw = Raw::connect(&system).await;
    let requests: Vec<u8> = (0..200)
        .flat_map(|n| {
            let body = format!(r#"{{"leads":[{{"phone":"+1555{n:07}","title":"{n}"}}]}}"#);
            post(&system.acme, &leads_of(campaign), body)
        })
        .collect();
    raw.send(requests).await;
    for n in 0..200 {
        let answer = raw.answer().await.expect("an answer");
        assert_eq!(answer.status, 200);
        let lead = system.acme.lead(&answer.json()["data"]["results"][0]["lead_id"]).await;
        assert_eq!(lead["title"], Value::from(n.to_string()));
    }
    assert_eq!(system.acme.members(campaign).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_request_does_nothing() {
    let system = small().await;
    let campaign = system.acme.campaign("Half").await;
    let whole = post(&system.acme, &leads_of(campaign), VALID);
    for gone in [Raw::abort, drop] {
        for cut in [whole.len() - 1, whole.len() - VALID.len(), 40] {
            let mut raw = Raw::connect(&system).await;
            raw.send(&whole[..cut]).await;
            gone(raw);
        }
    }
    let mut raw = Raw::connect(&system).await;
    raw.send(&whole[..whole.len() - 1]).await;
    raw.finish().await;
    assert_eq!(raw.answer().await.map(|answer| answer.status), Some(400));
    serves(&system).await;
    assert_eq!(system.count("lead.leads").await, 0);
}

/// Whoever goes after the whole request finds it done later.
#[tokio::test(flavor = "multi_thread")]
async fn a_whole_request_is_done_though_its_caller_goes() {
    let system = small().await;
    let campaign = system.acme.campaign("Gone").await;
    let database = Database::new(&system.database.url(), 1).expect("a URL");
    let mut lock = database.dedicated_connection().await.expect("connected");
    let hold = "BEGIN; LOCK TABLE lead.leads IN ACCESS EXCLUSIVE MODE";
    lock.batch_execute(hold).await.expect("held");

    let mut raw = Raw::connect(&system).await;
    raw.send(post(&system.acme, &leads_of(campaign), VALID)).await;
    eventually(LONG, || async {
        let waiting = "pg_locks WHERE NOT granted AND relation = 'lead.leads'::regclass";
        let waiting = system.count(waiting).await;
        (waiting > 0).then_some(())
    })
    .await;
    raw.abort();
    lock.batch_execute("COMMIT").await.expect("released");
    eventually(LONG, || async { (system.acme.members(campaign).await == 1).then_some(()) }).await;
}
