//! `make bench`: what the pipeline does, beside what PostgreSQL alone does on the same machine.
//!
//! Started by `scripts/bench.sh`, which runs a PostgreSQL and a RabbitMQ for it and clears them
//! away. Linux only: what processes use is read from `/proc`.

mod cli;
mod http;
mod leads;
mod limit;
mod load;
mod report;
mod results;
mod size;
mod system;
mod table;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

/// One thread: the load generator must not take more of the machine than it needs.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Table(options) => table::run(&options).await,
        Command::Size(options) => size::run(&options).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
