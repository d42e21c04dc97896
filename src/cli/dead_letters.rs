//! `rollcall dead-letters`, as it is typed.

use clap::{Args, Subcommand};

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
