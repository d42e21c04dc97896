//! The `rollcall` command: runs everything in one process, and manages API keys
//! and dead letters.

mod cli;
mod databases;
mod dead_letters;
mod demo;
mod keys;
mod listeners;
mod private_postgres;
mod probe;
mod services;
mod signals;
mod table;
mod up;

use std::process::ExitCode;

use clap::Parser;
use shared::process;

use crate::cli::{Cli, Command};

#[tokio::main]
async fn main() -> ExitCode {
    process::exit(match Cli::parse().command.unwrap_or_default() {
        Command::Up => up::run().await,
        Command::Keys { command } => keys::run(command).await,
        Command::DeadLetters { command } => dead_letters::run(command).await,
        Command::Healthcheck { url } => probe::healthcheck(&url).await,
    })
}
