//! `rollcall workspaces`, as it is typed.

use clap::Subcommand;
use shared::entry::Region;

use super::not_blank;

/// What can be done with workspaces. They are made with their first key.
#[derive(Debug, Subcommand)]
pub enum WorkspacesCommand {
    /// Show all workspaces, with their ids, which internal publishers need
    List,
    /// Say which country's national phone format a workspace uses
    ///
    /// Requests that name a default_region themselves are not affected. Counts within seconds.
    Region {
        /// The workspace
        #[arg(value_parser = not_blank)]
        name: String,
        /// The country, such as US (ISO 3166 alpha-2)
        #[arg(value_parser = region, required_unless_present = "none")]
        region: Option<Region>,
        /// Accept international numbers alone
        #[arg(long, conflicts_with = "region")]
        none: bool,
    },
}

fn region(code: &str) -> Result<Region, &'static str> {
    code.parse().map_err(|()| "must be an ISO 3166 alpha-2 code, such as US")
}
