//! Entries that are accepted although they look odd (rows 61-66, 70, 74, 76): one normal form, and
//! otherwise stored as written.

use serde_json::{Value, json};

use crate::{
    on_both_buses,
    system::{System, each},
};

on_both_buses!(
    spellings_of_one_number_are_one_lead,
    text_is_text,
    chains_within_a_request_become_one_lead,
);

async fn spellings_of_one_number_are_one_lead(system: System) {
    let campaign = system.acme.campaign("Spellings").await;
    let spellings = [
        "+15128675309",
        "001 512 867 5309",
        "+1 (512) 867-5309",
        "+1.512.867.5309",
        "\t+15128675309 ",
        "+1\u{a0}512\u{2009}867\u{2011}5309",
        "(512) 867-5309",
        "1 512 867 5309",
    ];
    let leads: Vec<_> = spellings.iter().map(|phone| json!({"phone": phone})).collect();
    let body = json!({"leads": leads, "default_region": "us"});
    let answer = system.acme.add_with(campaign, body).await;
    assert_eq!(answer["summary"]["failed"], 0, "{answer:#}");
    let ids = each(&answer, "lead_id");
    assert!(ids.iter().all(|id| *id == ids[0]), "{answer:#}");

    let emails = ["Ann.B+x@Example.COM", " ann.b+x@example.com ", "ANN.B+X@EXAMPLE.COM\n"];
    let leads: Vec<_> = emails.iter().map(|email| json!({"email": email})).collect();
    let answer = system.acme.add(campaign, json!(leads)).await;
    let ids = each(&answer, "lead_id");
    assert!(ids.iter().all(|id| *id == ids[0]), "{answer:#}");
    assert_eq!(system.acme.lead(ids[0]).await["email"], "ann.b+x@example.com");

    // What looks the same and is written otherwise is somebody else: nothing is guessed.
    let leads = json!([
        {"email": "zoe\u{301}@x.com"}, {"email": "zo\u{e9}@x.com"}, {"email": "аnn.b+x@example.com"},
        {"email": "a@b\u{fc}cher.de"}, {"email": "a@xn--bcher-kva.de"}, {"email": "\"ann b\"@x.com"},
    ]);
    let answer = system.acme.add(campaign, leads).await;
    let mut ids: Vec<_> = each(&answer, "lead_id").iter().map(ToString::to_string).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 6, "{answer:#}");
    let longest = format!(
        "{}@{}.com",
        "a".repeat(64),
        vec!["b".repeat(63); 2].join(".") + &format!(".{}", "c".repeat(57))
    );
    assert_eq!(longest.len(), 254);
    let answer = system.acme.add(campaign, json!([{"email": longest}])).await;
    assert_eq!(answer["summary"]["added"], 1, "{answer:#}");
}

/// Whatever a text would mean elsewhere, here it is what it is.
async fn text_is_text(system: System) {
    let campaign = system.acme.campaign("Text").await;
    let texts = [
        "'; DROP TABLE lead.leads; --",
        "{{7*7}}",
        "${jndi:ldap://x}",
        "=cmd|' /C calc'!A0",
        "<script>alert(1)</script>",
        "*)(uid=*",
        "\\",
        "\"",
        "%00",
        "\\u0000",
        "\u{1f600}\u{10ffff}",
        "a\r\nb\u{85}\u{2028}",
        "\u{feff}x",
        "\u{202e}evil",
        "NULL",
        "null",
        "{\"a\":1}",
        "\u{1}\u{7f}",
        "  kept as written  ",
        "ﬃ Å Å",
    ];
    let leads: Vec<_> = texts
        .iter()
        .enumerate()
        .map(|(n, text)| {
            json!({"email": format!("{n}@x.com"), "first_name": text, "company_name": text,
                   "linkedin_url": text})
        })
        .collect();
    let answer = system.acme.add(campaign, json!(leads)).await;
    assert_eq!(answer["summary"]["added"], texts.len(), "{answer:#}");
    for (text, id) in texts.iter().zip(each(&answer, "lead_id")) {
        let lead = system.acme.lead(id).await;
        for field in ["first_name", "company_name", "linkedin_url"] {
            assert_eq!(lead[field], *text, "{field}");
        }
    }
    // Names of fields come back too, and only as JSON.
    let odd = json!([{"email": "0@x.com", "<b>\u{0}'; --": 1, "__proto__": {}, "": ""}]);
    let answer = system.acme.add(campaign, odd).await;
    let warned: Vec<_> = answer["results"][0]["warnings"].as_array().expect("warnings").clone();
    assert_eq!(warned.len(), 3, "{answer:#}");
    assert!(warned.iter().any(|warning| warning["field"] == "<b>\u{0}'; --"));
}

async fn chains_within_a_request_become_one_lead(system: System) {
    let campaign = system.acme.campaign("Chains").await;
    let leads = json!([
        {"phone": "+15550000001"},
        {"phone": "+15550000001", "email": "a@x.com"},
        {"email": "A@x.com", "phone": "+15550000002"},
        {"email": "a@x.com"},
        {"phone": "+15550000002"},
        {"phone": "+1 555 000 0002", "email": "a@x.com"},
    ]);
    let answer = system.acme.add(campaign, leads).await;
    let ids = each(&answer, "lead_id");
    assert!(ids[..4].iter().all(|id| *id == ids[0]), "{answer:#}");
    // The lead keeps its first phone, so the second is free for another.
    assert_eq!(answer["results"][2]["kept"], json!(["phone"]));
    assert_ne!(ids[4], ids[0]);
    assert_eq!(ids[5], ids[4]);
    assert_eq!(answer["results"][5]["conflict"], json!({"field": "email", "lead_id": ids[0]}));
    let created: Vec<_> = each(&answer, "created").into_iter().map(Value::as_bool).collect();
    assert_eq!(created, [true, false, false, false, true, false].map(Some));
    assert_eq!(system.acme.members(campaign).await, 2);
}
