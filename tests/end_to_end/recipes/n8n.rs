//! The workflow for n8n. n8n itself is too large for every test run; a stand-in walks through it.

use serde_json::{Value, json};

use super::{
    front::Front,
    kitchen::Kitchen,
    page::{Page, folder},
};
use crate::system::{System, each_of};

#[tokio::test(flavor = "multi_thread")]
async fn the_workflow_adds_leads() {
    let system = System::in_process().await;
    let campaign = system.acme.campaign("n8n").await;
    let front = Front::start(system.address(), []).await;
    let page = Page::read("n8n.md");
    let kitchen = Kitchen::new(&front.address, &system.acme, campaign, &page).await;
    let file = |name: &str| std::fs::read_to_string(name).expect("a file");
    let workflow = folder().join("n8n-workflow.json");
    kitchen.place.write("workflow.json", file(&workflow.to_string_lossy()));
    let stand_in = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/end_to_end/recipes/n8n.mjs");
    kitchen.place.write("n8n.mjs", file(stand_in));
    let put = kitchen.run("node n8n.mjs workflow.json").await.json();

    assert_eq!(each_of(&put["Not in the campaign"], "ref"), ["crm-3"], "{put}");
    assert_eq!(put["Not in the campaign"][0]["error"]["code"], "invalid_phone");
    assert_eq!(each_of(&put["In the campaign"], "ref"), ["crm-1", "crm-2"]);
    assert_eq!(each_of(&put["In the campaign"], "status"), ["added", "added"]);
    assert_eq!(front.repeatable().len(), 1);
    let ann = system.acme.lead(&put["In the campaign"][0]["lead_id"]).await;
    let expected = json!({"phone": "+14155550123", "email": "ann@example.com", "first_name": "Ann",
        "last_name": "Lee", "company_name": "Acme", "title": "CEO",
        "linkedin_url": "https://www.linkedin.com/in/ann"});
    for (field, value) in expected.as_object().expect("fields") {
        assert_eq!(&ann[field], value, "{field}");
    }
    let bob = system.acme.lead(&put["In the campaign"][1]["lead_id"]).await;
    assert_eq!((&bob["phone"], &bob["company_name"]), (&Value::Null, &json!("Zenith \"Z\" Ltd")));
    assert_eq!(system.acme.members(campaign).await, 2);
}
