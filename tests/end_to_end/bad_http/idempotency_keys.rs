//! Idempotency keys (rows 81-92).

use crate::system::System;

use super::raw::{JSON, bearer, leads_of, request, send, serves};

const VALID: &str = r#"{"leads":[{"phone":"+15550000001"}]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn odd_keys_are_refused_and_odd_texts_are_keys() {
    let system = System::in_process().await;
    let campaign = system.acme.campaign("Keys").await;
    let path = leads_of(campaign);
    let post = |key: &str, body: &str| {
        let (key, length) =
            (format!("Idempotency-Key: {key}"), format!("Content-Length: {}", body.len()));
        request(&format!("POST {path}"), &[&bearer(&system.acme), JSON, &length, &key], body)
    };
    let long = "k".repeat(256);
    for key in ["", " ", "\t", &long, "schl\u{fc}ssel", "\u{1f511}", "a\r\nIdempotency-Key: b"] {
        let answer = send(&system, post(key, VALID)).await.expect("an answer");
        let code = answer.code();
        assert_eq!((answer.status, code.as_deref()), (400, Some("bad_request")), "{key:?}");
    }
    // The request is judged before its key is claimed: a refused one does not use it up.
    let refused = send(&system, post("later", "{}")).await.expect("an answer");
    assert_eq!(refused.status, 400);

    for key in
        ["later", "'; DROP TABLE gateway.idempotency_keys; --", "%s\\", "a b, c;d=e", &long[1..]]
    {
        for replayed in [false, true] {
            let answer = send(&system, post(key, VALID)).await.expect("an answer");
            assert_eq!(answer.status, 200, "{key:?}: {answer:?}");
            assert_eq!(answer.headers.contains_key("idempotent-replayed"), replayed, "{key:?}");
        }
    }
    assert_eq!(system.count("gateway.idempotency_keys").await, 5);
    assert_eq!(system.acme.members(campaign).await, 1);
    serves(&system).await;
}

/// A key that was purged is free: the request runs anew, and finds its lead in the campaign.
#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_key_is_a_new_one() {
    let system = System::in_process().await;
    let path = leads_of(system.acme.campaign("Forgotten").await);
    let length = format!("Content-Length: {}", VALID.len());
    let headers = [&bearer(&system.acme), JSON, &length, "Idempotency-Key: k"];
    let again = request(&format!("POST {path}"), &headers, VALID);
    let first = send(&system, &again).await.expect("an answer").json();
    assert_eq!(first["data"]["results"][0]["status"], "added");
    system.execute("DELETE FROM gateway.idempotency_keys").await;
    let second = send(&system, &again).await.expect("an answer");
    assert!(!second.headers.contains_key("idempotent-replayed"));
    assert_eq!(second.json()["data"]["results"][0]["status"], "already_in_campaign");
}
