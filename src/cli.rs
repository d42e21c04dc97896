//! What can be typed.

mod import;
mod server;

use clap::{Args, Parser, Subcommand};
use gateway::scopes::Scope;
use uuid::Uuid;

pub use import::{Format, ImportOptions};
pub use server::Server;

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
    /// Make, list, limit and revoke API keys
    ///
    /// Works beside a running `rollcall up`, without one, and with DATABASE_URL.
    Keys {
        /// What to do with them.
        #[command(subcommand)]
        command: KeysCommand,
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
}

/// What can be done with API keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a key and print it; it is not shown again
    ///
    /// Standard output holds the key and nothing else, so that a script can take it.
    Create {
        /// The workspace that the key opens; made if new
        #[arg(long, value_name = "NAME", value_parser = not_blank)]
        workspace: String,
        /// A label to tell keys apart, such as who uses it
        #[arg(long, value_name = "LABEL", value_parser = not_blank)]
        name: Option<String>,
        /// What the key is good for: read, leads:write, or admin, which includes everything; may
        /// be given more than once; without it, read and leads:write
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<Scope>,
        /// Requests per minute, 0 for no limit; without it, the gateway's setting counts
        #[arg(long, value_name = "PER_MINUTE", value_parser = clap::value_parser!(i32).range(0..))]
        rate_limit: Option<i32>,
    },
    /// Show all keys, without their secrets
    List,
    /// Change how often a key may call; the old limit may still count for some seconds
    Limit {
        /// The key's id, as `rollcall keys list` shows it
        id: Uuid,
        /// Requests per minute, 0 for no limit; without it, the gateway's setting counts
        #[arg(value_name = "PER_MINUTE", value_parser = clap::value_parser!(i32).range(0..))]
        per_minute: Option<i32>,
    },
    /// Close a key for good; it may still pass for some seconds
    Revoke {
        /// The key's id, as `rollcall keys list` shows it
        id: Uuid,
    },
}

/// What can be done with dead letters.
#[derive(Debug, Subcommand)]
pub enum DeadLettersCommand {
    /// Show where each came from and why it is here, oldest first
    List {
        /// The most to show
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Print one whole, with the personal data in it
    Show {
        /// Its id, as `rollcall dead-letters list` shows it
        id: String,
    },
    /// Publish again where they came from
    ///
    /// What was done before is not done twice. Nobody gets the reply.
    Replay(Which),
    /// Remove for good
    Drop(Which),
}

/// One dead letter, or all of them.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// Its id, as `rollcall dead-letters list` shows it
    pub id: Option<String>,
    /// All that are there now
    #[arg(long)]
    pub all: bool,
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

    #[test]
    fn a_key_has_a_workspace_and_no_negative_limit() {
        let create = |arguments: &[&str]| {
            Cli::try_parse_from(["rollcall", "keys", "create"].iter().chain(arguments)).is_ok()
        };
        assert!(create(&["--workspace", "Demo"]));
        assert!(create(&["--workspace", "Demo", "--name", "Clay", "--rate-limit", "0"]));
        assert!(!create(&[]));
        assert!(!create(&["--workspace", " "]));
        assert!(!create(&["--workspace", "Demo", "--rate-limit=-1"]));
        assert!(create(&["--workspace", "Demo", "--scope", "read", "--scope", "leads:write"]));
        assert!(!create(&["--workspace", "Demo", "--scope", "write"]));
    }
}
