//! A campaign's leads, searched.

use serde_json::{Value, json};

use crate::{
    on_both_buses,
    system::{System, each_of, expect},
};

on_both_buses!(only_leads_of_the_campaign_are_found);

async fn only_leads_of_the_campaign_are_found(system: System) {
    let acme = &system.acme;
    let (campaign, other) = (acme.campaign("One").await, acme.campaign("Two").await);
    let lead = |n: usize| json!({"email": format!("ann{n}@x.com"), "first_name": "Ann"});
    acme.add(campaign, (0..5).map(lead).collect()).await;
    acme.add(campaign, json!([{"email": "bob@x.com", "phone": "+15550000001"}])).await;
    acme.add(other, (5..8).map(lead).collect()).await;

    let found = async |query: &str| {
        expect(200, acme.get(&format!("/v1/campaigns/{campaign}/leads?{query}")).await).await
    };
    let emails = |page: &Value| each_of(&page["data"], "email");
    let newest_first = ["ann4@x.com", "ann3@x.com", "ann2@x.com", "ann1@x.com", "ann0@x.com"];
    let all = found("search=ann").await;
    assert_eq!(
        (emails(&all), &all["meta"]["total"]),
        (newest_first.map(Value::from).to_vec(), &json!(5))
    );
    assert!(all["data"][0]["added_at"].is_string());
    let first = found("search=ann&per_page=2").await;
    assert_eq!(emails(&first), newest_first[..2]);
    assert_eq!(emails(&found("search=ann&per_page=2&page=3").await), newest_first[4..]);
    let cursor = first["meta"]["next_cursor"].as_str().expect("more");
    let second = found(&format!("search=ann&per_page=3&cursor={cursor}")).await;
    assert_eq!(
        (emails(&second), &second["meta"]["next_cursor"]),
        (newest_first[2..].iter().map(|it| json!(it)).collect(), &Value::Null)
    );

    assert_eq!(emails(&found("email=BOB@x.com").await), ["bob@x.com"]);
    assert_eq!(emails(&found("phone=%2B15550000001").await), ["bob@x.com"]);
    assert_eq!(found("email=ann6@x.com").await["data"], json!([]), "it is in the other campaign");
    assert_eq!(found("").await["meta"]["total"], 6);
    let bob = &found("email=bob@x.com").await["data"][0]["id"];
    let removed = acme
        .delete(&format!("/v1/campaigns/{campaign}/leads/{}", bob.as_str().expect("an id")))
        .await;
    assert_eq!(removed.status(), 204);
    assert_eq!(found("email=bob@x.com").await["data"], json!([]), "it was taken out");

    let (globex, path) =
        (system.caller("Globex").await, format!("/v1/campaigns/{campaign}/leads?search=ann"));
    expect(404, globex.get(&path).await).await;
    expect(400, acme.get(&format!("/v1/campaigns/{campaign}/leads?search=a")).await).await;
}
