//! What can be typed.

mod api;
mod dead_letters;
mod import;
mod keys;
mod server;
mod workspaces;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

pub use api::{
    CampaignsCommand, CampaignsOptions, CreateCampaign, FindLeads, LeadsCommand, ListCampaigns,
};
pub use dead_letters::{DeadLettersCommand, Which};
pub use import::{Format, ImportOptions};
pub use keys::KeysCommand;
pub use server::Server;
pub use workspaces::WorkspacesCommand;

/// Takes leads in for calling campaigns: each phone and email once, each link exactly once.
#[derive(Debug, Parser)]
#[command(name = "rollcall", version, after_help = SETTINGS)]
pub struct Cli {
    /// What to do; `up` when nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
}

const SETTINGS: &str = "\
Settings come from rollcall.toml and the environment, among them:
  DATABASE_URL               PostgreSQL; without it, a private one runs under the data folder
  AMQP_URL                   RabbitMQ; without it, a bus within the process
  ROLLCALL__GATEWAY__LISTEN  where the API is served (127.0.0.1:8080)
  ROLLCALL__DATA_DIR         the data folder (.rollcall)";

/// The commands.
#[derive(Debug, Default, Subcommand)]
pub enum Command {
    /// Run gateway, lead service and campaign service in this process (the default)
    ///
    /// Runs a PostgreSQL of its own unless DATABASE_URL is set, and a bus within the process unless
    /// AMQP_URL is set. The first start makes a demo workspace, key and campaign, and prints a
    /// request to paste. Ctrl-C stops everything that was started; a second one does not wait for
    /// requests under way.
    #[default]
    Up,
    /// Add the leads of a CSV, NDJSON or JSON file to a campaign
    ///
    /// Finds out delimiter and columns by itself (look first with --dry-run), shows how far it is,
    /// and writes rejected rows with their reasons into a file of the same kind, to be corrected and
    /// imported again. The key comes from ROLLCALL_API_KEY.
    Import(Box<ImportOptions>),
    /// Show the campaigns of the workspace, newest first, or make one
    Campaigns(CampaignsOptions),
    /// Find leads
    Leads {
        /// What to do with them.
        #[command(subcommand)]
        command: LeadsCommand,
    },
    /// Show at a glance whether the services work, what waits in the queues, and dead letters
    ///
    /// Asks the services at the addresses of the settings, and RabbitMQ where AMQP_URL is set.
    /// Exit status: 0 when all is well, 1 when a service or the broker is not ready, 3 when all work
    /// but there are dead letters.
    Status {
        /// Print JSON instead of tables
        #[arg(long)]
        json: bool,
    },
    /// Make, list, limit and revoke API keys
    ///
    /// Works beside a running `rollcall up`, without one, and with DATABASE_URL.
    Keys {
        /// What to do with them.
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Show workspaces, and say which country's phone format each uses
    ///
    /// Works beside a running `rollcall up`, without one, and with DATABASE_URL.
    Workspaces {
        /// What to do with them.
        #[command(subcommand)]
        command: WorkspacesCommand,
    },
    /// Look at messages that nobody could work on, put them back to work, or drop them
    ///
    /// Needs AMQP_URL.
    DeadLetters {
        /// What to do with them.
        #[command(subcommand)]
        command: DeadLettersCommand,
    },
    /// Exit with 0 if a GET of this http:// address answers 200, else with 1
    ///
    /// For health checks in containers, which have no curl.
    Healthcheck {
        /// Such as http://127.0.0.1:8080/ready
        url: String,
    },
    /// Print a script that completes this command's words in a shell
    ///
    /// For bash: rollcall completions bash > ~/.local/share/bash-completion/completions/rollcall
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the manual page, or write the pages of all commands
    ///
    /// To read it: rollcall man | man -l -
    Man {
        /// Write one page for each command into this folder instead
        #[arg(long, value_name = "FOLDER")]
        folder: Option<PathBuf>,
    },
}

fn not_blank(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() { Err("must not be blank") } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn plain_means_up() {
        let cli = Cli::try_parse_from(["rollcall"]).expect("nothing is needed");
        assert!(matches!(cli.command.unwrap_or_default(), Command::Up));
    }
}
