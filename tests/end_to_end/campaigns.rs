//! Campaigns: changed, searched, listed while they grow.

use reqwest::Url;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    on_both_buses,
    system::{System, each, each_of, expect, id},
};

on_both_buses!(
    a_campaign_is_changed,
    campaigns_are_searched,
    a_list_is_walked_while_it_grows,
    leads_are_taken_out_and_added_again,
);

async fn a_campaign_is_changed(system: System) {
    let acme = &system.acme;
    let made = json!({"name": "Spring", "status": "draft"});
    let made = expect(201, acme.post("/v1/campaigns", &made).await).await;
    let path = format!("/v1/campaigns/{}", id(&made["data"]["id"]));
    assert_eq!(made["data"]["leads"], 0);

    let renamed = json!({"name": " Summer ", "colour": "red"});
    let once = expect(200, acme.patch(&path, &renamed).await).await;
    assert_eq!(
        (&once["data"]["name"], &once["data"]["status"]),
        (&json!("Summer"), &json!("draft"))
    );
    assert_eq!(expect(200, acme.patch(&path, &renamed).await).await, once);
    for status in ["active", "paused", "completed", "archived", "draft"] {
        let changed = expect(200, acme.patch(&path, &json!({"status": status})).await).await;
        assert_eq!(changed["data"]["status"], status);
        assert_eq!(expect(200, acme.get(&path).await).await, changed);
    }

    let long = "x".repeat(256);
    for bad in [
        json!({}),
        json!({"colour": "red"}),
        json!({"name": null, "status": null}),
        json!({"name": " "}),
        json!({"name": "a\0b"}),
        json!({"name": long}),
        json!({"name": 7}),
        json!({"status": "open"}),
        json!(["Summer", "draft"]),
        json!("Summer"),
    ] {
        expect(400, acme.patch(&path, &bad).await).await;
    }
    let globex = system.caller("Globex").await;
    expect(404, globex.patch(&path, &renamed).await).await;
    let unknown = format!("/v1/campaigns/{}", Uuid::now_v7());
    expect(404, acme.patch(&unknown, &renamed).await).await;
    assert_eq!(expect(200, acme.get(&path).await).await["data"]["name"], "Summer");
}

async fn campaigns_are_searched(system: System) {
    let acme = &system.acme;
    system.caller("Globex").await.campaign("Spring of others").await;
    for name in ["Spring sale", "LATE SPRING", "100% off", "100 off", r"a_b\c", "axb"] {
        acme.campaign(name).await;
    }
    let search = async |query: &[(&str, &str)]| -> (Vec<Value>, Value) {
        let list = expect(200, acme.get(&campaigns(query)).await).await;
        (each_of(&list["data"], "name"), list["meta"]["total"].clone())
    };
    // Newest first, and taken literally.
    for (text, found) in [
        ("spring", &["LATE SPRING", "Spring sale"][..]),
        (" Spring S", &["Spring sale"]),
        ("0% O", &["100% off"]),
        ("a_b", &[r"a_b\c"]),
        (r"B\C", &[r"a_b\c"]),
        ("winter", &[]),
    ] {
        let (names, total) = search(&[("search", text)]).await;
        assert_eq!(names, found, "{text}");
        assert_eq!(total, found.len(), "{text}");
    }
    assert_eq!(search(&[("search", "spring"), ("status", "draft")]).await.1, 0);
    assert_eq!(search(&[("search", "spring"), ("status", "active")]).await.1, 2);
    let (names, total) = search(&[("search", "spring"), ("per_page", "1"), ("page", "2")]).await;
    assert_eq!((names, total), (vec![json!("Spring sale")], json!(2)));
    for bad in [&"x".repeat(256), "a\0b"] {
        expect(400, acme.get(&campaigns(&[("search", bad)])).await).await;
    }
}

/// The path of the list with these parameters.
fn campaigns(query: &[(&str, &str)]) -> String {
    let url = Url::parse_with_params("http://any/v1/campaigns", query).expect("a URL");
    format!("{}?{}", url.path(), url.query().unwrap_or_default())
}

/// A cursor neither repeats nor misses a lead that was there all the time.
async fn a_list_is_walked_while_it_grows(system: System) {
    let (acme, campaign) = (&system.acme, system.acme.campaign("Growing").await);
    let emails = |batch: usize| -> Value {
        (0..10).map(|n| json!({"email": format!("{batch}-{n}@x.com")})).collect()
    };
    // Leads that will join the campaign while it is read, older than those that it has.
    let other = acme.campaign("Other").await;
    acme.add(other, emails(0)).await;
    let first = acme.add(campaign, emails(1)).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    let path = format!("/v1/campaigns/{campaign}/leads?per_page=3");
    for batch in [2, 0, 3] {
        let list = expect(200, acme.get(&format!("{path}&cursor={cursor}")).await).await;
        seen.extend(each_of(&list["data"], "id"));
        cursor = list["meta"]["next_cursor"].as_str().expect("more").to_owned();
        acme.add(campaign, emails(batch)).await;
        assert_eq!(list["meta"]["page"], if seen.len() == 3 { json!(1) } else { Value::Null });
    }
    while !cursor.is_empty() {
        let list = expect(200, acme.get(&format!("{path}&cursor={cursor}")).await).await;
        assert_eq!(list["meta"]["total"], 40);
        seen.extend(each_of(&list["data"], "id"));
        cursor = list["meta"]["next_cursor"].as_str().unwrap_or_default().to_owned();
    }
    let met = |lead: &Value| seen.iter().filter(|seen| *seen == lead).count();
    assert!(each(&first, "lead_id").into_iter().all(|lead| met(lead) == 1));
    assert!(seen.iter().all(|lead| met(lead) == 1), "repeated");
}

async fn leads_are_taken_out_and_added_again(system: System) {
    let (acme, campaign) = (&system.acme, system.acme.campaign("Out").await);
    let leads = json!([{"email": "a@x.com"}, {"email": "b@x.com"}]);
    let added = acme.add(campaign, leads.clone()).await;
    let lead = id(&added["results"][0]["lead_id"]);
    let path = format!("/v1/campaigns/{campaign}/leads/{lead}");

    let globex = system.caller("Globex").await;
    expect(404, globex.delete(&path).await).await;
    for _ in 0..3 {
        let gone = acme.delete(&path).await;
        assert_eq!(
            (gone.status().as_u16(), gone.text().await.expect("a body")),
            (204, String::new())
        );
        assert_eq!(expect(404, acme.delete(&path).await).await["error"]["code"], "not_found");
        assert_eq!(acme.members(campaign).await, 1);
        let shown = expect(200, acme.get(&format!("/v1/campaigns/{campaign}")).await).await;
        assert_eq!(shown["data"]["leads"], 1);
        let list = expect(200, acme.get(&format!("/v1/campaigns/{campaign}/leads")).await).await;
        assert_eq!(each_of(&list["data"], "id"), [added["results"][1]["lead_id"].clone()]);

        let again = acme.add(campaign, leads.clone()).await;
        assert_eq!(each(&again, "status"), ["added", "already_in_campaign"]);
        assert_eq!(each(&again, "lead_id"), each(&added, "lead_id"));
        assert_eq!(acme.members(campaign).await, 2);
    }
    // The lead itself was never touched.
    acme.lead(&json!(lead)).await;
    for nobody in [Uuid::now_v7().to_string(), "7".to_owned()] {
        let status = if nobody == "7" { 400 } else { 404 };
        let path = format!("/v1/campaigns/{campaign}/leads/{nobody}");
        expect(status, acme.delete(&path).await).await;
    }
    let path = format!("/v1/campaigns/{}/leads/{lead}", Uuid::now_v7());
    expect(404, acme.delete(&path).await).await;
}
