//! `rollcall campaigns` and `rollcall leads`, as they are typed.

use clap::{Args, Subcommand, builder::PossibleValuesParser};
use shared::contract::CampaignStatus;

use super::{Server, not_blank};

/// `rollcall campaigns`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct CampaignsOptions {
    /// Something else than to show them.
    #[command(subcommand)]
    pub command: Option<CampaignsCommand>,
    /// Which to show.
    #[command(flatten)]
    pub list: ListCampaigns,
}

/// What can be done with campaigns.
#[derive(Debug, Subcommand)]
pub enum CampaignsCommand {
    /// Make a campaign and print its id
    Create(CreateCampaign),
}

/// Which campaigns to show.
#[derive(Debug, Args)]
pub struct ListCampaigns {
    /// Only those with this status
    #[arg(long, value_parser = statuses())]
    pub status: Option<String>,
    /// How to show them.
    #[command(flatten)]
    pub output: Output,
    /// Where, and as whom.
    #[command(flatten)]
    pub server: Server,
}

/// The campaign to make.
#[derive(Debug, Args)]
pub struct CreateCampaign {
    /// Its name
    #[arg(value_parser = not_blank)]
    pub name: String,
    /// Its first status [default: active]
    #[arg(long, value_parser = statuses())]
    pub status: Option<String>,
    /// Print the whole campaign as JSON
    #[arg(long)]
    pub json: bool,
    /// Where, and as whom.
    #[command(flatten)]
    pub server: Server,
}

/// What can be done with leads.
#[derive(Debug, Subcommand)]
pub enum LeadsCommand {
    /// Find leads of the workspace, newest first
    Find(FindLeads),
}

/// Which leads to show: those that all of this is true of.
#[derive(Debug, Args)]
pub struct FindLeads {
    /// The lead with this phone, such as +15551234567
    #[arg(long)]
    pub phone: Option<String>,
    /// The lead with this email
    #[arg(long)]
    pub email: Option<String>,
    /// Leads whose names, company, phone or email have words that begin like these
    #[arg(long, value_name = "WORDS")]
    pub search: Option<String>,
    /// How to show them.
    #[command(flatten)]
    pub output: Output,
    /// Where, and as whom.
    #[command(flatten)]
    pub server: Server,
}

/// How a list is shown.
#[derive(Debug, Args)]
pub struct Output {
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
    /// The most to show
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: usize,
}

fn statuses() -> PossibleValuesParser {
    CampaignStatus::ALL.map(CampaignStatus::as_str).into()
}
