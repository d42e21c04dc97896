//! `rollcall leads`.

use crate::{
    api::Api,
    cli::{FindLeads, LeadsCommand},
    listing,
};

/// Carries out one of the commands.
///
/// # Errors
/// When the API refuses, or nobody answers.
pub async fn run(command: LeadsCommand) -> anyhow::Result<()> {
    match command {
        LeadsCommand::Find(options) => find(options).await,
    }
}

async fn find(options: FindLeads) -> anyhow::Result<()> {
    let filters =
        [("phone", &options.phone), ("email", &options.email), ("search", &options.search)];
    let filters = filters.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    let filters: Vec<_> = filters.collect();
    let api = Api::new(&options.server)?;
    let leads = listing::fetch(&api, "/leads", &filters, options.output.limit).await?;
    let header = ["ID", "PHONE", "EMAIL", "FIRST NAME", "LAST NAME", "COMPANY", "CREATED"];
    listing::print(&leads, options.output.json, header, |it| {
        let fields =
            ["id", "phone", "email", "first_name", "last_name", "company_name", "created_at"];
        fields.map(|field| listing::cell(&it[field]))
    })
}
