//! Entries that are rejected (rows 29, 55-60, 62, 67-73): each alone, for its own reason.

use serde_json::json;

use crate::{
    on_both_buses,
    system::{System, each},
};

use super::raw::{leads_of, post, send};

on_both_buses!(bad_entries_are_rejected_alone);

/// Sends entries as they are written, each between two good ones, and returns the error codes.
async fn codes(system: &System, entries: &[String]) -> Vec<String> {
    let campaign = system.acme.campaign("Entries").await;
    let leads: Vec<_> = entries
        .iter()
        .enumerate()
        .flat_map(|(n, entry)| [format!(r#"{{"email":"good{n}@x.com"}}"#), entry.clone()])
        .collect();
    let body = format!(r#"{{"leads":[{}]}}"#, leads.join(","));
    let answer = send(system, post(&system.acme, &leads_of(campaign), body)).await;
    let data = answer.expect("an answer").json()["data"].take();
    assert_eq!(data["summary"]["total"], leads.len(), "{data}");
    assert_eq!(data["summary"]["added"], entries.len(), "{data:#}");
    assert_eq!(system.acme.members(campaign).await, entries.len() as i64);
    let errors = each(&data, "error").into_iter().skip(1).step_by(2);
    errors.map(|error| error["code"].as_str().expect("an error").to_owned()).collect()
}

async fn bad_entries_are_rejected_alone(system: System) {
    let text = |field: &'static str| move |value: &str| json!({field: value}).to_string();
    let raw = |field: &'static str| move |value: &str| format!(r#"{{"{field}":{value}}}"#);
    let mut cases: Vec<(&str, String)> = Vec::new();

    let phones = [
        "0000000000",
        "-",
        "--",
        "null",
        "anonymous",
        "undefined",
        "none",
        "NaN",
        "0",
        "-1",
        "+",
        "+1",
        "+0000000000",
        "+123456",
        "+1234567890123456",
        "0015",
        "(512) 867-5309",
        "5128675309",
        "+1512867530a",
        "+1 512 867 5309 x12",
        "+15128675309;ext=12",
        "tel:+15128675309",
        "+١٥١٢٨٦٧٥٣٠٩",
        "+１５１２８６７５３０９",
        "＋15128675309",
        "+1512\u{0}8675309",
        "+1512\u{200b}8675309",
        "\u{202e}+15128675309",
        "[object Object]",
        "+1,5128675309",
        "'+15128675309",
        "+15128675309\u{301}",
    ];
    cases.extend(phones.iter().map(|phone| ("invalid_phone", text("phone")(phone))));
    cases.push(("invalid_phone", text("phone")(&"+15128675309".repeat(1_000))));
    let long = "9".repeat(100_000);
    for value in [
        "15128675309",
        "-0",
        "1e400",
        "1e100000",
        "0.1",
        "9223372036854775808",
        "true",
        "false",
        "[]",
        "{}",
        r#"["+15128675309"]"#,
        r#""\ud800""#,
        r#""+15128675309\udfff""#,
        &long,
    ] {
        cases.push(("invalid_phone", raw("phone")(value)));
        cases.push(("invalid_email", raw("email")(value)));
        cases.push(("invalid_lead_id", raw("lead_id")(value)));
        cases.push(("invalid_field", format!(r#"{{"email":"e@x.com","first_name":{value}}}"#)));
    }
    let local = "a".repeat(64);
    let emails = [
        "null",
        "nobody",
        "@",
        "a@",
        "@x.com",
        "a@@x.com",
        "a@b@x.com",
        "a@localhost",
        "a@x..com",
        "a@.x.com",
        "a@x.com.",
        "a b@x.com",
        "a@x .com",
        "a@[127.0.0.1]",
        "Ann <a@x.com>",
        "a@x.com, b@x.com",
        "a@x.com\r\nBcc: b@x.com",
        "a\u{0}@x.com",
        "a@x.com\u{0}",
        "mailto:a@x.com?subject=x@y.com",
        "(comment)a@x.com",
        "a@-x-.com",
        "a\u{7f}@x.com",
        &format!("{local}a@x.com"),
        &format!("{local}@{}.com", "b".repeat(63).repeat(3)),
        &format!("{}@x.com", "a".repeat(10 << 10)),
        &"a@".repeat(5 << 10),
        &"a.".repeat(5 << 10),
        &"\"".repeat(10 << 10),
    ]
    .map(str::to_owned);
    cases.extend(emails.iter().map(|email| ("invalid_email", text("email")(email))));
    let ids = [
        "7",
        "null",
        "00000000000070008000000000000001",
        "{00000000-0000-7000-8000-000000000001}",
        "urn:uuid:00000000-0000-7000-8000-000000000001",
        "00000000-0000-7000-8000-00000000000g",
        "00000000-0000-7000-8000-0000000000010",
        "9007199254740993",
        "' OR 1=1 --",
        "00000000-0000-7000-8000-00000000000\u{0}",
    ];
    cases.extend(ids.iter().map(|id| ("invalid_lead_id", text("lead_id")(id))));
    for (field, characters) in [
        ("first_name", 256),
        ("last_name", 256),
        ("company_name", 256),
        ("title", 256),
        ("linkedin_url", 2_049),
    ] {
        for value in ["a\u{0}b".to_owned(), "é".repeat(characters), "\u{0}".to_owned()] {
            cases.push(("invalid_field", json!({"email": "f@x.com", field: value}).to_string()));
        }
    }
    for entry in [
        "7",
        "null",
        "true",
        "[]",
        r#""+15128675309""#,
        r#"["+15128675309"]"#,
        "1e400",
        "-0",
        &long,
        r#"{"phone":"+15128675309","phone":"+15128675309"}"#,
        r#"{"email":1,"email":2}"#,
        r#"{"email":"g@x.com","\u0065mail":"h@x.com"}"#,
        r#"{"email":"g@x.com","title":"a","title":"b"}"#,
        &"[".repeat(50_000).chars().chain("]".repeat(50_000).chars()).collect::<String>(),
    ] {
        cases.push(("invalid_entry", entry.to_owned()));
    }
    for entry in [
        r#"{"phone":"\u00a0"}"#,
        r#"{"email":"\t","phone":null,"lead_id":" "}"#,
        r#"{"Phone":"+15128675309"}"#,
    ] {
        cases.push(("missing_identifier", entry.to_owned()));
    }

    let entries: Vec<_> = cases.iter().map(|(_, entry)| entry.clone()).collect();
    for ((expected, entry), got) in cases.iter().zip(codes(&system, &entries).await) {
        assert_eq!(got, *expected, "{entry:.100}");
    }
}
