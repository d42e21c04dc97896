//! What one workspace has, another does not see.

use serde_json::json;
use uuid::Uuid;

use crate::{
    on_both_buses,
    system::{System, each, expect},
};

on_both_buses!(another_workspace_is_not_there, an_unknown_campaign_writes_nothing);

async fn another_workspace_is_not_there(system: System) {
    let globex = system.caller("Globex").await;
    let campaign = system.acme.campaign("Acme's").await;
    let leads = json!([{"phone": "+15550000001", "email": "a@x.com"}]);
    let made = system.acme.add(campaign, leads.clone()).await;
    let lead = &made["results"][0]["lead_id"];

    let lead_path = format!("/v1/leads/{}", lead.as_str().expect("an id"));
    let unknown = format!("/v1/leads/{}", Uuid::now_v7());
    let foreign = expect(404, globex.get(&lead_path).await).await;
    assert_eq!(foreign, expect(404, globex.get(&unknown).await).await, "no way to tell them apart");
    for path in [format!("/v1/campaigns/{campaign}"), format!("/v1/campaigns/{campaign}/leads")] {
        expect(404, globex.get(&path).await).await;
    }
    let path = format!("/v1/campaigns/{campaign}/leads");
    expect(404, globex.post(&path, &json!({"leads": leads})).await).await;
    let campaigns = expect(200, globex.get("/v1/campaigns").await).await;
    assert_eq!(campaigns["data"], json!([]));

    // The same phone and email are another lead there, and the foreign id is nobody.
    let own = globex.campaign("Globex's").await;
    let mut leads = leads;
    leads.as_array_mut().expect("a list").push(json!({"lead_id": lead}));
    let answer = globex.add(own, leads).await;
    assert_eq!(each(&answer, "status"), ["added", "error"]);
    assert_eq!(answer["results"][0]["created"], true);
    assert_ne!(&answer["results"][0]["lead_id"], lead);
    assert_eq!(answer["results"][1]["error"]["code"], "lead_not_found");
}

async fn an_unknown_campaign_writes_nothing(system: System) {
    let path = format!("/v1/campaigns/{}/leads", Uuid::now_v7());
    let answer = system.acme.post(&path, &json!({"leads": [{"phone": "+15550000001"}]})).await;
    assert_eq!(expect(404, answer).await["error"]["code"], "not_found");
    assert_eq!(system.count("lead.leads").await, 0);
    assert_eq!(system.count("campaign.links").await, 0);
}
