//! Every error in one shape, the framework's own too (contract section 1).

use reqwest::{Client, Method};
use serde_json::json;
use shared::settings::Settings;
use uuid::Uuid;

use crate::system::{System, expect};

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_one_shape() {
    let small = |settings: &mut Settings| settings.gateway.max_body_bytes = 10_000;
    let system = System::with(1, None, small).await;
    let acme = &system.acme;
    let campaign = acme.campaign("Errors").await;
    let leads = format!("/v1/campaigns/{campaign}/leads");
    let json_body = |path: &str, body: &str| {
        let request = acme.request(Method::POST, path).header("content-type", "application/json");
        request.body(body.to_owned())
    };
    let valid = r#"{"leads":[{"phone":"+15550000001"}]}"#;
    let cases = [
        (404, "not_found", acme.request(Method::GET, "/v1/nothing")),
        (404, "not_found", acme.request(Method::GET, "/")),
        (404, "not_found", acme.request(Method::GET, "/v1/campaigns/../../etc")),
        (404, "not_found", json_body(&format!("/v1/campaigns/{}/leads", Uuid::nil()), valid)),
        (405, "method_not_allowed", acme.request(Method::DELETE, &leads)),
        (405, "method_not_allowed", acme.request(Method::TRACE, "/v1/workspace")),
        (400, "bad_request", json_body("/v1/campaigns/7/leads", valid)),
        (400, "bad_request", json_body("/v1/campaigns/%00/leads", valid)),
        (400, "bad_request", acme.request(Method::GET, "/v1/leads/not-a-uuid")),
        (400, "bad_request", json_body(&leads, "{")),
        (400, "bad_request", json_body(&leads, "")),
        (400, "bad_request", json_body(&leads, &"[".repeat(9_000))),
        (400, "bad_request", json_body("/v1/campaigns", "{}")),
        (400, "bad_request", json_body("/v1/campaigns", r#"{"name":" "}"#)),
        (413, "payload_too_large", json_body(&leads, &" ".repeat(10_001))),
        (415, "unsupported_media_type", acme.request(Method::POST, &leads).body(valid)),
        (
            415,
            "unsupported_media_type",
            acme.request(Method::POST, &leads).header("content-type", "text/plain").body(valid),
        ),
        (
            415,
            "unsupported_media_type",
            acme.request(Method::POST, &leads)
                .header("content-type", "application/json; charset=utf-16")
                .body(valid),
        ),
        (
            415,
            "unsupported_media_type",
            json_body(&leads, valid).header("content-encoding", "gzip"),
        ),
    ];
    for (status, code, request) in cases {
        let what = format!("{request:?}");
        let response = request.send().await.expect("an answer");
        let headers = response.headers().clone();
        let body = expect(status, response).await;
        assert_eq!(body["error"]["code"], code, "{what}");
        assert!(body["error"]["message"].is_string(), "{what}");
        for name in ["x-request-id", "x-ratelimit-limit", "x-ratelimit-remaining"] {
            assert!(headers.contains_key(name), "{name} of {what}");
        }
        if status == 405 {
            assert!(headers.contains_key("allow"), "{what}");
        }
    }
    // A charset that says the same, and a JSON type by another name, pass.
    for content_type in ["application/json; charset=UTF-8", "application/vnd.x+json"] {
        let request = acme.request(Method::POST, &leads).header("content-type", content_type);
        expect(200, request.body(valid).send().await.expect("an answer")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_passes_without_a_key() {
    let system = System::in_process().await;
    let base = format!("http://{}", system.address());
    let get = |path: &str| Client::new().get(format!("{base}{path}"));
    let unknown = format!("Bearer rchd_live_{}", "0".repeat(40));
    for (header, message) in [
        (None, "Missing or invalid Authorization header. Use: Bearer rchd_live_xxx"),
        (Some(""), "Missing or invalid Authorization header. Use: Bearer rchd_live_xxx"),
        (Some("Basic abc"), "Missing or invalid Authorization header. Use: Bearer rchd_live_xxx"),
        (
            Some("Bearer sk_live_1"),
            "Missing or invalid Authorization header. Use: Bearer rchd_live_xxx",
        ),
        (Some("Bearer rchd_live_1"), "Invalid API key"),
        (Some(unknown.as_str()), "Invalid API key"),
    ] {
        let mut request = get("/v1/workspace");
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let body = expect(401, request.send().await.expect("an answer")).await;
        assert_eq!(body, json!({"error": {"code": "unauthorized", "message": message}}));
    }
    expect(404, get("/v1/nothing").send().await.expect("an answer")).await;
    let health = get("/health").send().await.expect("an answer");
    assert!(health.headers().contains_key("x-request-id"));
    expect(200, health).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_is_taken_over_or_given() {
    let system = System::in_process().await;
    for (sent, kept) in [("abc-123", true), ("with space", false), (&"x".repeat(200), false)] {
        let request = system.acme.request(Method::GET, "/v1/workspace");
        let answer = request.header("x-request-id", sent).send().await.expect("an answer");
        let got = answer.headers()["x-request-id"].to_str().expect("text").to_owned();
        assert_eq!(got == sent, kept, "{sent} became {got}");
        assert!(!got.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rate_limit_is_told_and_kept() {
    let limited = |settings: &mut Settings| settings.gateway.rate_limit_per_minute = 3;
    let system = System::with(1, None, limited).await;
    let own_limit = system.acme.get("/v1/workspace").await;
    assert_eq!(own_limit.status(), 200, "this key was made without a limit");

    let caller = system.caller_with_default_limit("Acme").await;
    for remaining in ["2", "1", "0"] {
        let answer = caller.get("/v1/workspace").await;
        assert_eq!(answer.headers()["x-ratelimit-limit"], "3");
        assert_eq!(answer.headers()["x-ratelimit-remaining"], remaining);
        expect(200, answer).await;
    }
    let refused = caller.get("/v1/workspace").await;
    let wait: u64 = refused.headers()["retry-after"].to_str().expect("text").parse().expect("s");
    assert!((1..=20).contains(&wait));
    assert_eq!(expect(429, refused).await["error"]["code"], "rate_limited");
}
