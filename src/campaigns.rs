//! `rollcall campaigns`.

use std::io::{self, Write};

use anyhow::Context;
use serde_json::json;

use crate::{
    api::Api,
    cli::{CampaignsCommand, CampaignsOptions, CreateCampaign, ListCampaigns},
    listing,
};

/// Carries out one of the commands.
///
/// # Errors
/// When the API refuses, or nobody answers.
pub async fn run(options: CampaignsOptions) -> anyhow::Result<()> {
    match options.command {
        Some(CampaignsCommand::Create(campaign)) => create(campaign).await,
        None => list(options.list).await,
    }
}

async fn create(campaign: CreateCampaign) -> anyhow::Result<()> {
    let mut body = json!({"name": campaign.name});
    if let Some(status) = campaign.status {
        body["status"] = json!(status);
    }
    let api = Api::new(&campaign.server)?;
    let made = api.post("/campaigns", body.to_string(), None).await?;
    let made = &made["data"];
    let text = if campaign.json {
        made.to_string()
    } else {
        made["id"].as_str().context("the answer has no id")?.to_owned()
    };
    Ok(writeln!(io::stdout(), "{text}")?)
}

async fn list(options: ListCampaigns) -> anyhow::Result<()> {
    let mut filters = Vec::new();
    filters.extend(options.status.as_deref().map(|status| ("status", status)));
    let api = Api::new(&options.server)?;
    let campaigns = listing::fetch(&api, "/campaigns", &filters, options.output.limit).await?;
    let header = ["ID", "NAME", "STATUS", "LEADS", "CREATED"];
    listing::print(&campaigns, options.output.json, header, |it| {
        let fields = ["id", "name", "status", "leads", "created_at"];
        fields.map(|field| listing::cell(&it[field]))
    })
}
