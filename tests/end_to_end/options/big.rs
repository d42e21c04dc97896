//! Options of big submissions: those that go entry by entry.

use serde_json::json;

use crate::{
    big_submissions::{finished, leads, results, submit},
    on_both_buses,
    system::System,
};

on_both_buses!(what_goes_entry_by_entry_goes_in_big_submissions);

async fn what_goes_entry_by_entry_goes_in_big_submissions(system: System) {
    let acme = &system.acme;
    let (campaign, other) = (acme.campaign("Big").await, acme.campaign("Other").await);
    acme.add(other, json!(leads(0..10))).await;
    let listed = json!({"suppressions": leads(10..12)});
    assert_eq!(acme.post("/v1/suppressions", &listed).await.status(), 200);

    let mut entries = leads(0..1_500);
    entries[1_400]["ref"] = json!("row 1400");
    let body = json!({"leads": entries, "skip_if_in_other_campaign": true});
    let location = submit(acme, campaign, &body).await;
    let done = finished(acme, &location).await;
    assert_eq!(
        done["summary"],
        json!({"total": 1_500, "added": 1_488, "already_in_campaign": 0, "failed": 0,
               "suppressed": 2, "skipped": 10})
    );
    let results = results(acme, &location).await;
    assert_eq!(
        (&results[0]["reason"], &results[10]["field"]),
        (&json!("in_other_campaign"), &json!("phone"))
    );
    assert_eq!(results[1_400]["ref"], "row 1400");
    assert_eq!(results[1_400].get("matched_by"), Some(&json!(null)));
    assert_eq!(acme.members(campaign).await, 1_488);
}
