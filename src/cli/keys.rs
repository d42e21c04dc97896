//! `rollcall keys`, as it is typed.

use clap::Subcommand;
use gateway::scopes::Scope;
use uuid::Uuid;

use super::not_blank;

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
        /// What the key is good for: read, leads:write, or admin, which includes everything in the
        /// workspace; and operator, for the dead letters of all workspaces; may be given more than
        /// once; without it, read and leads:write
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
    /// Print what a workspace's callbacks are signed with
    ///
    /// Standard output holds the secret and nothing else. It is made where there is none.
    WebhookSecret {
        /// The workspace, which must have a key
        #[arg(long, value_name = "NAME", value_parser = not_blank)]
        workspace: String,
        /// Make a new one; for a day the former signs too
        #[arg(long)]
        rotate: bool,
    },
    /// Close a key for good; it may still pass for some seconds
    Revoke {
        /// The key's id, as `rollcall keys list` shows it
        id: Uuid,
    },
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::Cli;

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
