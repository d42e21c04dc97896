//! Request lines and headers (rows 4-10, 13-15, 43-46).

use reqwest::{Method, Response};

use crate::system::System;

use super::raw::{JSON, Raw, bearer, leads_of, post, request, send, serves};

const VALID: &str = r#"{"leads":[{"phone":"+15550000001"}]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn odd_keys_open_nothing() {
    let system = System::in_process().await;
    let key = bearer(&system.acme);
    let long = format!("Authorization: Bearer rchd_live_{}", "0".repeat(64 << 10));
    for (headers, status) in [
        (vec![key.as_str(), key.as_str()], 401),
        (vec![&format!("{key}0")], 401),
        (vec![&format!("{key}\u{a0}")], 401),
        (vec![&key.to_uppercase()], 401),
        (vec![&key.replace("Bearer ", "Bearer  ")], 401),
        (vec![&key.replace("Bearer ", "Bearer\t")], 401),
        (vec![&key.replace("Bearer ", "Bearer,")], 401),
        (vec![&long], 401),
        (vec![&key.replace("Authorization", "X-Api-Key")], 401),
        // White space after a header's value is no part of it (RFC 9110 section 5.5), and schemes
        // have no case (section 11.1).
        (vec![&format!("{key} \t ")], 200),
        (vec![&key.replace("Bearer", "bEARER")], 200),
    ] {
        let answer = send(&system, request("GET /v1/workspace", &headers, "")).await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, status, "{headers:.200?}");
        if status == 401 {
            assert_eq!(answer.code().as_deref(), Some("unauthorized"));
            assert!(!answer.headers.contains_key("x-ratelimit-limit"), "for known keys alone");
        }
    }
    // A key elsewhere is none.
    let secret = &system.acme.key;
    for path in [format!("?key={secret}"), format!("?access_token={secret}")] {
        let answer = send(&system, request(&format!("GET /v1/workspace{path}"), &[], "")).await;
        assert_eq!(answer.expect("an answer").status, 401);
    }
    serves(&system).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_are_what_the_request_line_says() {
    let system = System::in_process().await;
    let path = leads_of(system.acme.campaign("Methods").await);
    let key = bearer(&system.acme);
    for method in ["PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "post", "BREW", "CONNECT"] {
        let secret = "X-Secret: hush";
        let answer = send(&system, request(&format!("{method} {path}"), &[&key, secret], "")).await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.headers["allow"], "GET, POST", "{method}");
        assert!(!answer.body.contains("hush"), "TRACE must not echo");
    }
    for path in [&path, "/health", "/ready", "/docs", "/openapi.json", "/console", "/v1/none"] {
        let ask = async |method| system.acme.request(method, path).send().await.expect("an answer");
        let (get, head) = (ask(Method::GET).await, ask(Method::HEAD).await);
        assert_eq!(head.status(), get.status(), "{path}");
        let length = |answer: &Response| answer.headers().get("content-length").cloned();
        assert_eq!(length(&head), length(&get), "{path}");
        assert_eq!(head.text().await.expect("a body"), "", "{path}");
    }
    for header in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"] {
        let (delete, length) =
            (format!("{header}: DELETE"), format!("Content-Length: {}", VALID.len()));
        let headers = [key.as_str(), JSON, &length, &delete];
        let answer =
            send(&system, request(&format!("POST {path}?_method=DELETE"), &headers, VALID));
        assert_eq!(answer.await.expect("an answer").status, 200, "{header}");
    }
    serves(&system).await;
}

/// Paths are compared as they are written: nothing is decoded twice, merged or resolved.
#[tokio::test(flavor = "multi_thread")]
async fn odd_paths_lead_nowhere() {
    let system = System::in_process().await;
    let campaign = system.acme.campaign("Paths").await;
    let leads = leads_of(campaign);
    for (path, statuses) in [
        (format!("/{leads}"), &[404][..]),
        (leads.replace("/leads", "//leads"), &[404]),
        (format!("{leads}/"), &[404]),
        (format!("{leads}/."), &[405]),
        (format!("/v1/x/../campaigns/{campaign}/leads"), &[404]),
        (format!("/v1/%2e%2e/v1/campaigns/{campaign}/leads"), &[404]),
        (format!("/v1%2Fcampaigns/{campaign}/leads"), &[404]),
        (format!("/v1/campaigns/{campaign}%2Fleads"), &[400, 404, 405]),
        (format!("/v1/campaigns/{campaign}%00/leads"), &[400]),
        (format!("/v1/campaigns/{campaign}%0d%0aX: 1/leads"), &[400]),
        (format!("/v1/campaigns/{campaign}%ff/leads"), &[400]),
        (format!("/v1/campaigns/{{{campaign}}}/leads"), &[400]),
        (format!("/v1/campaigns/{}/leads", campaign.simple()), &[400]),
        (format!("/v1/campaigns/{}/leads", "a".repeat(8 << 10)), &[400]),
        (format!("/v1/{}", "a".repeat(8 << 10)), &[404]),
        (format!("{leads}\u{0}"), &[400]),
        (format!("{leads} "), &[400]),
        ("*".to_owned(), &[400, 404]),
        (String::new(), &[400]),
        ("v1/campaigns".to_owned(), &[400, 404]),
    ] {
        let answer = send(&system, post(&system.acme, &path, VALID)).await.expect("an answer");
        assert!(statuses.contains(&answer.status), "{path:.100?}: {answer:?}");
        if answer.status != 400 {
            assert!(answer.code().is_some(), "{path:.100?}: {answer:?}");
        }
    }
    // The same place by another spelling of its unreserved characters, and in absolute form.
    for path in [leads.replace("/leads", "/%6ceads"), format!("http://elsewhere{leads}")] {
        let answer = send(&system, post(&system.acme, &path, VALID)).await.expect("an answer");
        assert_eq!(answer.status, 200, "{path}");
    }
    assert_eq!(system.acme.members(campaign).await, 1);
    serves(&system).await;
}

/// The framework refuses these itself, with an empty body, and closes the connection.
#[tokio::test(flavor = "multi_thread")]
async fn malformed_heads_end_the_connection() {
    let system = System::in_process().await;
    let key = bearer(&system.acme);
    let many: Vec<_> = (0..97).map(|n| format!("X-{n}: 1")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let large = format!("X-Large: {}", "x".repeat(200 << 10));
    let get = |headers: &[&str]| request("GET /v1/workspace", headers, "");
    for (what, bytes, statuses) in [
        ("97 headers", get(&many), &[400, 431][..]),
        ("200 KiB", get(&[&key, &large]), &[431]),
        ("a NUL in a value", get(&[&key, "X-Nul: a\0b"]), &[400]),
        ("a NUL in the key", get(&[&format!("{key}\0")]), &[400]),
        ("a CR in a value", get(&[&key, "X-Cr: a\rb"]), &[400]),
        ("a folded value", get(&[&key, "X-Folded: a\r\n b"]), &[400]),
        ("a space before the colon", get(&[&key, "X-Space : a"]), &[400]),
        ("no colon", get(&[&key, "X-Nothing"]), &[400]),
        ("an empty name", get(&[&key, ": a"]), &[400]),
        ("two hosts", get(&[&key, "Host: other"]), &[400]),
        ("no host", format!("GET /v1/workspace HTTP/1.1\r\n{key}\r\n\r\n").into(), &[400]),
        ("HTTP/3.0", b"GET / HTTP/3.0\r\nHost: a\r\n\r\n".to_vec(), &[400]),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), &[400]),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(), &[400]),
        ("noise", b"\xff\xfe\x00\x01 \x7f\r\n\r\n".to_vec(), &[400]),
    ] {
        let mut raw = Raw::connect(&system).await;
        raw.send(bytes).await;
        // With bytes of ours left unread, the reset may overtake the answer.
        if let Some(answer) = raw.answer().await {
            assert!(statuses.contains(&answer.status), "{what}: {answer:?}");
            assert_eq!(answer.body, "", "{what}");
            assert!(raw.closed().await, "{what}");
        }
        serves(&system).await;
    }
}

/// A line break in a value begins another header; it does not come back in an answer's head.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_smuggled_through_the_request_id() {
    let system = System::in_process().await;
    for id in ["a\r\nX-Evil: 1", "a b", "é", "<script>"] {
        let header = format!("X-Request-Id: {id}");
        let get = request("GET /v1/workspace", &[&bearer(&system.acme), &header], "");
        let answer = send(&system, get).await.expect("an answer");
        assert_eq!(answer.status, 200);
        assert!(!answer.headers.contains_key("x-evil"));
    }
}

/// The framework says `100 Continue` before it asks us; the refusal follows without the body.
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_key_is_refused_before_the_body() {
    let system = System::in_process().await;
    let path = leads_of(system.acme.campaign("Expect").await);
    let mut raw = Raw::connect(&system).await;
    let headers = [
        "Authorization: Bearer rchd_live_1",
        JSON,
        "Content-Length: 5000000",
        "Expect: 100-continue",
    ];
    raw.send(request(&format!("POST {path}"), &headers, "")).await;
    assert_eq!(raw.answer().await.expect("an interim answer").status, 100);
    let refused = raw.answer().await.expect("an answer");
    assert_eq!((refused.status, refused.headers["connection"].as_str()), (401, "close"));
    assert!(raw.closed().await);
}
