//! What a caller calls its entries.

use serde_json::{Value, json};

use super::statuses;
use crate::{
    on_both_buses,
    system::{System, each},
};

on_both_buses!(a_ref_is_echoed_whatever_becomes_of_its_entry);

async fn a_ref_is_echoed_whatever_becomes_of_its_entry(system: System) {
    let campaign = system.acme.campaign("Refs").await;
    let data = system
        .acme
        .add(
            campaign,
            json!([
                {"email": "a@x.com"},
                {"email": "b@x.com", "ref": "row 2"},
                {"phone": "nonsense", "ref": "Zeile 3 \u{1f600}"},
                {"ref": "row 4"},
                {"email": "e@x.com", "ref": 5},
                7,
                {"email": "b@x.com", "ref": "row 2"},
                {"email": "c@x.com", "ref": " "},
            ]),
        )
        .await;
    let (row, face) = (json!("row 2"), json!("Zeile 3 \u{1f600}"));
    let nothing = &Value::Null;
    assert_eq!(
        each(&data, "ref"),
        [nothing, &row, &face, &json!("row 4"), nothing, nothing, &row, nothing]
    );
    let (added, error) = ("added", "error");
    let already = "already_in_campaign";
    assert_eq!(statuses(&data), [added, added, error, error, error, error, already, added]);
    assert_eq!(data["results"][4]["error"]["field"], "ref");
    assert!(data["results"].as_array().expect("results").iter().all(|r| r["warnings"].is_null()));
    let lead = system.acme.lead(&data["results"][1]["lead_id"]).await;
    assert!(lead["ref"].is_null(), "{lead}");
}
