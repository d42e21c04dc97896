//! Something to try at the first start.

use std::net::SocketAddr;

use anyhow::Context;
use campaign_service::store::create_campaign;
use gateway::keys::{self, KeyOptions};
use shared::contract::CampaignStatus;
use uuid::Uuid;

use crate::databases::Databases;

/// The demo workspace's name.
pub const WORKSPACE: &str = "Demo";

/// What a first request needs.
pub struct Demo {
    /// The API key, known only now.
    pub key: String,
    /// The campaign.
    pub campaign: Uuid,
}

/// Makes a workspace, a key and a campaign where nobody has a key yet.
///
/// # Errors
/// When a database fails.
pub async fn create_if_first(databases: &Databases) -> anyhow::Result<Option<Demo>> {
    let mut gateway = databases.gateway.connection().await?;
    if !keys::list(&mut gateway).await?.is_empty() {
        return Ok(None);
    }
    let options = KeyOptions { name: Some("demo".to_owned()), ..KeyOptions::default() };
    let key = keys::create(&mut gateway, WORKSPACE, options).await?;
    let workspace = keys::workspace_id(&mut gateway, WORKSPACE).await?;
    let workspace = workspace.context("the demo workspace is gone")?;

    let mut campaigns = databases.campaign_service.connection().await?;
    let (campaign, status) = (Uuid::now_v7(), CampaignStatus::Active);
    create_campaign(&mut campaigns, workspace, campaign, "Demo campaign", status).await?;
    Ok(Some(Demo { key: key.secret, campaign }))
}

/// A first request, ready to be pasted into a shell.
pub fn curl(gateway: SocketAddr, demo: &Demo) -> String {
    let Demo { key, campaign } = demo;
    format!(
        r#"curl http://{gateway}/v1/campaigns/{campaign}/leads \
  -H 'Authorization: Bearer {key}' \
  -H 'Content-Type: application/json' \
  -d '{{"leads": [
        {{"phone": "+14155550123", "first_name": "Ada", "last_name": "Lovelace"}},
        {{"email": "grace@example.com", "first_name": "Grace", "company_name": "US Navy"}}
      ]}}'"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_whole() {
        let demo = Demo { key: "rchd_live_0".to_owned(), campaign: Uuid::nil() };
        let curl = curl(SocketAddr::from(([127, 0, 0, 1], 8080)), &demo);
        let first = curl.lines().next();
        let path = "/v1/campaigns/00000000-0000-0000-0000-000000000000/leads";
        assert_eq!(first, Some(&*format!("curl http://127.0.0.1:8080{path} \\")));
        let body = curl.split('\'').nth(5).expect("the third quoted text");
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(body["leads"].as_array().map(Vec::len), Some(2));
    }
}
