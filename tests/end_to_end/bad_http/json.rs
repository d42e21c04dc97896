//! JSON as a whole (rows 20-34, 53, 54, 71).

use std::time::{Duration, Instant};

use serde_json::json;

use crate::system::System;

use super::raw::{leads_of, post, send, serves};

const ENTRY: &str = r#"{"phone":"+15550000001"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_a_bad_request() {
    let system = System::in_process().await;
    let path = leads_of(system.acme.campaign("JSON").await);
    let valid = format!(r#"{{"leads":[{ENTRY}]}}"#);
    let in_leads = |text: &str| format!(r#"{{"leads":[{ENTRY},{text}]}}"#);
    let strings =
        [&b"\xff"[..], b"\xc0\xaf", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"];
    let not_utf8 = strings
        .map(|bytes| [br#"{"leads":[{"email":"a@x.com","title":""#, bytes, br#""}]}"#].concat());
    let utf16: Vec<u8> = valid.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let texts = [
        " \t\r\n ".to_owned(),
        valid[..valid.len() - 1].to_owned(),
        format!("{valid}{valid}"),
        format!("{valid}x"),
        format!("{valid}\0"),
        format!("\u{feff}{valid}"),
        format!("/* hello */{valid}"),
        format!("{valid}// hello"),
        in_leads(""),
        in_leads("/* none */"),
        in_leads("undefined"),
        in_leads("NaN"),
        in_leads("Infinity"),
        in_leads("01"),
        in_leads("+1"),
        in_leads("1."),
        in_leads(".5"),
        in_leads("0x1"),
        in_leads("'a'"),
        in_leads("\"a\tb\""),
        in_leads("\"\\x\""),
        in_leads("{a:1}"),
        in_leads("{\"a\"}"),
        in_leads("{\"a\":1,}"),
        // A name may stand once, however it is written.
        r#"{"leads":[{}],"leads":[{}]}"#.to_owned(),
        r#"{"leads":[{}],"\u006ceads":[{}]}"#.to_owned(),
        r#"{"leads":[{}],"merge":"fill","merge":"none"}"#.to_owned(),
        format!("[{valid}]"),
        format!("[[{ENTRY}]]"),
        format!("{valid:?}"),
        "7".to_owned(),
        "1e400".to_owned(),
        "null".to_owned(),
        "true".to_owned(),
        r#"{"leads":null}"#.to_owned(),
        format!(r#"{{"leads":{ENTRY}}}"#),
        format!(r#"{{"leads":{{"0":{ENTRY}}}}}"#),
        r#"{"leads":"[]"}"#.to_owned(),
        r#"{"leads":[]}"#.to_owned(),
        format!(r#"{{"Leads":[{ENTRY}]}}"#),
        format!(r#"{{"leads":[{ENTRY}],"merge":"Fill"}}"#),
        format!(r#"{{"leads":[{ENTRY}],"merge":{{}}}}"#),
        format!(r#"{{"leads":[{ENTRY}],"merge":"\ud800"}}"#),
        format!(r#"{{"leads":[{ENTRY}],"default_region":"USA"}}"#),
        format!(r#"{{"leads":[{ENTRY}],"default_region":1}}"#),
        "[".repeat(100_000),
        "{\"a\":".repeat(100_000),
        format!(r#"{{"leads":{}"#, "[".repeat(100_000)),
        json!({"leads": vec![json!({"email": "a@x.com"}); 1_001]}).to_string(),
    ];
    let bodies = texts.into_iter().map(String::into_bytes).chain(not_utf8).chain([utf16]);
    for body in bodies {
        let shown = String::from_utf8_lossy(&body[..body.len().min(100)]).into_owned();
        let answer = send(&system, post(&system.acme, &path, body)).await.expect("an answer");
        let code = answer.code();
        assert_eq!((answer.status, code.as_deref()), (400, Some("bad_request")), "{shown}");
    }
    assert_eq!(system.count("lead.leads").await, 0);

    let name = |name: &str| format!(r#"{{"name":{name}}}"#);
    for body in [
        name("7"),
        name("\"a\\u0000\""),
        name("\"\\ud800\""),
        name(&format!("{:?}", "n".repeat(256))),
        name(&"[".repeat(100_000)),
        format!(r#"{{"name":"a","x":{}1{}}}"#, "[".repeat(129), "]".repeat(129)),
        r#"{"name":"a","x":1e400}"#.to_owned(),
        r#"{"name":"a","status":"Active"}"#.to_owned(),
    ] {
        let answer = send(&system, post(&system.acme, "/v1/campaigns", &body)).await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.code().as_deref(), Some("bad_request"), "{body:.100}: {answer:?}");
        assert_eq!(answer.status, 400);
    }
    serves(&system).await;
}

/// What the contract ignores is skipped and never built, so that its size and depth cost little.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_ignored_costs_little() {
    let system = System::in_process().await;
    let campaign = system.acme.campaign("Ignored").await;
    let path = leads_of(campaign);
    let deep = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let keys: Vec<_> = (0..100_000).map(|n| format!(r#""k{n}":{n}"#)).collect();
    let (keys, digits) = (keys.join(","), "9".repeat(1_000_000));
    let entry = |more: &str| format!(r#"{{"leads":[{{"phone":"+15550000001",{more}}}]}}"#);
    for body in [
        format!(r#"{{"x":{},"leads":[{ENTRY}]}}"#, deep(129)),
        format!(r#"{{"x":{},"leads":[{ENTRY}]}}"#, deep(100_000)),
        format!(r#"{{{keys},"leads":[{ENTRY}]}}"#),
        format!(r#"{{"x":1e400,"x":-0,"leads":[{ENTRY}],"workspace_id":"{}"}}"#, uuid::Uuid::nil()),
        entry(&format!(r#""x":{}"#, deep(129))),
        entry(&format!(r#""x":{}"#, deep(100_000))),
        entry(&keys),
        entry(&format!(r#""x":{digits},"y":0.{digits},"z":1e{digits},"w":[1e400,-0]"#)),
        entry(&format!(r#""{}":1"#, "n".repeat(1_000_000))),
    ] {
        let began = Instant::now();
        let answer = send(&system, post(&system.acme, &path, &body)).await.expect("an answer");
        assert_eq!(answer.status, 200, "{body:.100}: {answer:?}");
        // Far above what it takes, and far below what a quadratic algorithm would.
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert!(answer.body.len() < 5_000, "an answer stays in proportion");
    }
    // The whole request has two of those in it, so that the body is its own fingerprint.
    let deep = format!(r#"{{"leads":[{ENTRY}],"x":{}}}"#, deep(100_000));
    let keyed = String::from_utf8(post(&system.acme, &path, deep)).expect("text");
    let keyed = keyed.replacen("\r\n", "\r\nIdempotency-Key: deep\r\n", 1);
    for replayed in [false, true] {
        let answer = send(&system, &keyed).await.expect("an answer");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers.contains_key("idempotent-replayed"), replayed);
    }
    // A workspace is the key's, whatever the body says.
    assert_eq!(system.acme.members(campaign).await, 1);
    assert_eq!(
        system.count("lead.leads WHERE workspace_id = (SELECT id FROM gateway.workspaces)").await,
        1
    );
}
