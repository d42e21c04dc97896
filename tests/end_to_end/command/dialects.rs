//! Files as the world writes them.

use serde_json::json;

use super::workplace::Workplace;
use crate::system::System;

const CONTACTS: [[&str; 4]; 3] = [
    ["Given Name", "SURNAME", "E-Mail Address", "Mobile Phone"],
    ["Zoë", "O'Neil; \"the\" boss,\nCEO\t|", "Zoe@X.com", "+1 555 000-0001"],
    ["Łukasz", "", "", "+15550000002"],
];

/// Each value in quotes, or only those that need them.
fn csv(delimiter: char, line_break: &str, quote_all: bool) -> String {
    let field = |value: &&str| {
        let special = [delimiter, '"', '\n', '\r'];
        if quote_all || value.contains(special) {
            format!("\"{}\"", value.replace('"', "\"\""))
        } else {
            (*value).to_owned()
        }
    };
    let row =
        |row: &[&str; 4]| row.iter().map(field).collect::<Vec<_>>().join(&delimiter.to_string());
    CONTACTS.iter().map(row).collect::<Vec<_>>().join(line_break)
}

fn utf16(text: &str) -> Vec<u8> {
    [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_dialects_are_read_the_same() {
    let system = System::in_process().await;
    let place = Workplace::new(&system);
    let dialects = [
        ("comma.csv", csv(',', "\n", false).into_bytes()),
        ("semicolon.csv", csv(';', "\r\n", false).into_bytes()),
        ("tab.tsv", csv('\t', "\n", true).into_bytes()),
        ("pipe.txt", csv('|', "\n\n", true).into_bytes()),
        ("bom.csv", format!("\u{feff}{}\n", csv(',', "\r\n", true)).into_bytes()),
        ("excel.csv", format!("sep=;\r\n{}\r\n", csv(';', "\r\n", false)).into_bytes()),
        ("utf16.txt", utf16(&csv('\t', "\r\n", false))),
        ("no-extension", csv(';', "\n", true).into_bytes()),
    ];
    for (name, content) in dialects {
        place.write(name, content);
        let campaign = system.acme.campaign(name).await;
        let (ran, summary) = place.import(name, campaign, &["--merge", "overwrite"]).await;
        assert_eq!(ran.status, 0, "{name}: {ran:?}");
        assert_eq!((&summary["rows"], &summary["added"]), (&json!(2), &json!(2)), "{name}");
        assert_eq!(system.acme.members(campaign).await, 2);
    }
    let zoe = "lead.leads WHERE first_name = 'Zoë' AND email = 'zoe@x.com' \
               AND phone = '+15550000001' AND last_name = E'O''Neil; \"the\" boss,\\nCEO\\t|'";
    assert_eq!(system.count(zoe).await, 1);
    let lukasz = "lead.leads WHERE first_name = 'Łukasz' AND last_name IS NULL";
    assert_eq!(system.count(lukasz).await, 1);
    assert_eq!(system.count("lead.leads").await, 2, "no dialect made other leads");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_encodings_are_told_or_refused() {
    let system = System::in_process().await;
    let place = Workplace::new(&system);
    let campaign = system.acme.campaign("Encodings").await;
    place.write("old.csv", b"email,first_name\nb@x.com,Bob\na@x.com,J\xfcrgen\n");
    let (ran, _) = place.import("old.csv", campaign, &[]).await;
    ran.failed(1, "line 3 is not UTF-8");
    assert_eq!(system.count("lead.leads").await, 0, "nothing was sent");
    let (ran, _) = place.import("old.csv", campaign, &["--encoding", "windows-1252"]).await;
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(system.count("lead.leads WHERE first_name = 'Jürgen'").await, 1);

    // Rejected rows are UTF-8 and say so: the same options import them.
    let options = ["--encoding", "windows-1252", "--merge", "overwrite"];
    place.write("bad.csv", b"email;first_name\nnobody;J\xf6rg\n");
    place.import("bad.csv", campaign, &options).await.0.failed(3, "1 rejected");
    let rejects = place.read("bad.rejected.csv");
    assert!(rejects.starts_with("\u{feff}rollcall_error;"), "{rejects}");
    place.write("bad.rejected.csv", rejects.replace("nobody", "a@x.com"));
    let (ran, _) = place.import("bad.rejected.csv", campaign, &options).await;
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(system.count("lead.leads WHERE first_name = 'Jörg'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_in_all_its_forms() {
    let system = System::in_process().await;
    let place = Workplace::new(&system);
    let ann = r#"{"Phone Number": "+15550000001", "First Name": "Ann", "score": 7}"#;
    let bob = r#"{"email": "bob@x.com", "phone": null, "Organisation": "Initech"}"#;
    let none = r#"{"first_name": "Nobody"}"#;
    place.write("a.ndjson", format!("{ann}\n\n{bob}\nnot json\n{none}\n7"));
    let campaign = system.acme.campaign("NDJSON").await;
    let (ran, summary) = place.import("a.ndjson", campaign, &[]).await;
    ran.failed(3, "\"score\"");
    let counts = |summary: &serde_json::Value| {
        ["rows", "added", "already_in_campaign", "rejected"].map(|name| summary[name].as_u64())
    };
    assert_eq!(counts(&summary), [Some(5), Some(2), Some(0), Some(3)]);
    let rejects = place.read("a.rejected.ndjson");
    let rejects: Vec<serde_json::Value> =
        rejects.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(rejects[0]["rollcall_row"], "not json");
    assert_eq!(rejects[1]["first_name"], "Nobody");
    let reason = rejects[1]["rollcall_error"].as_str().expect("a reason");
    assert!(reason.starts_with("missing_identifier: "), "{reason}");
    assert_eq!(rejects.len(), 3);
    assert_eq!(system.count("lead.leads WHERE company_name = 'Initech'").await, 1);

    for (name, text) in [
        ("array.json", format!("[{ann},\n {bob}]")),
        ("pretty.json", format!("{}\n{bob}", ann.replace(',', ",\n"))),
        ("lines.json", format!("{ann}\n{bob}\n")),
    ] {
        place.write(name, text);
        let campaign = system.acme.campaign(name).await;
        let (ran, summary) = place.import(name, campaign, &[]).await;
        assert_eq!(ran.status, 0, "{ran:?}");
        assert_eq!(counts(&summary), [Some(2), Some(2), Some(0), Some(0)], "{name}");
    }
    assert_eq!(system.count("lead.leads").await, 2);

    place.write("broken.json", format!("[{ann},{bob}"));
    let (ran, _) = place.import("broken.json", campaign, &[]).await;
    ran.failed(1, "ends within its array");
}
