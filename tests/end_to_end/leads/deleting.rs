//! `DELETE /v1/leads/{id}`.

use std::time::Duration;

use serde_json::json;
use test_support::eventually;

use crate::{
    on_both_buses,
    system::{System, expect, id},
};

const LONG: Duration = Duration::from_secs(30);

on_both_buses!(
    a_deleted_lead_is_gone_everywhere,
    what_is_linked_late_is_forgotten,
    a_phone_is_free_again
);

async fn a_deleted_lead_is_gone_everywhere(system: System) {
    let (one, other) = (system.acme.campaign("One").await, system.acme.campaign("Other").await);
    let canary = "c4nary@example.com";
    let entry = json!({"phone": "+15550000001", "email": canary, "first_name": "c4nary",
                       "custom_variables": {"note": "c4nary"}});
    let leads = json!([entry, {"email": "stays@x.com"}]);
    let added = system.acme.add(one, leads.clone()).await;
    system.acme.add(other, leads).await;
    let lead = &added["results"][0]["lead_id"];

    assert_eq!(system.acme.delete_lead(lead).await.status(), 204);
    let gone = expect(404, system.acme.delete_lead(lead).await).await;
    assert_eq!(gone["error"]["code"], "not_found");
    expect(404, system.acme.get(&super::path(lead)).await).await;
    assert_eq!(system.acme.leads(&[]).await["meta"]["total"], 1);
    assert_eq!(system.acme.leads(&[("email", canary)]).await["data"], json!([]));
    let by_id = system.acme.add(one, json!([{"lead_id": lead}])).await;
    assert_eq!(by_id["results"][0]["error"]["code"], "lead_not_found");

    let links = format!("campaign.links WHERE lead_id = '{}' AND removed_at IS NULL", id(lead));
    eventually(LONG, async || (system.count(&links).await == 0).then_some(())).await;
    assert_eq!([system.acme.members(one).await, system.acme.members(other).await], [1, 1]);
    // No table of any service knows of it.
    for table in ["lead.leads", "lead.submissions", "lead.erasures", "gateway.idempotency_keys"] {
        let rows = format!(
            "(SELECT to_jsonb(t)::text || CASE WHEN '{table}' = 'lead.submissions' \
                 THEN convert_from((to_jsonb(t)->>'outcomes')::bytea, 'UTF8') ELSE '' END AS row \
             FROM {table} AS t) AS r WHERE row LIKE '%c4nary%' OR row LIKE '%15550000001%'"
        );
        assert_eq!(system.count(&rows).await, 0, "{table}");
    }
}

/// A submission that was resolved before the deletion can be linked after it.
async fn what_is_linked_late_is_forgotten(system: System) {
    let campaign = system.acme.campaign("Late").await;
    let added = system.acme.add(campaign, json!([{"email": "a@x.com"}])).await;
    let lead = &added["results"][0]["lead_id"];
    let links = format!("campaign.links WHERE lead_id = '{}' AND removed_at IS NULL", id(lead));
    assert_eq!(system.acme.delete_lead(lead).await.status(), 204);
    eventually(LONG, async || {
        (system.count("lead.erasures WHERE told = 1").await == 1).then_some(())
    })
    .await;
    assert_eq!(system.count(&links).await, 0);
    assert_eq!(system.count("lead.erasures WHERE due_at > now()").await, 1, "to be told again");

    system
        .execute("UPDATE campaign.links SET removed_at = NULL, submission_id = gen_random_uuid()")
        .await;
    assert_eq!(system.acme.leads(&[]).await["data"], json!([]));
    system.execute("UPDATE lead.erasures SET due_at = now(), told = 9").await;
    eventually(LONG, async || (system.count(&links).await == 0).then_some(())).await;
    eventually(LONG, async || (system.count("lead.erasures").await == 0).then_some(())).await;
}

async fn a_phone_is_free_again(system: System) {
    let fields = json!({"phone": "+15550000001"});
    let first = system.acme.made(&fields).await;
    assert_eq!(system.acme.delete_lead(&first["id"]).await.status(), 204);
    let second = system.acme.made(&fields).await;
    assert_ne!(second["id"], first["id"]);
    assert_eq!(system.acme.delete_lead(&second["id"]).await.status(), 204);
    let campaign = system.acme.campaign("Again").await;
    let third = system.acme.add(campaign, json!([fields])).await;
    assert_eq!(third["results"][0]["created"], true);
}
