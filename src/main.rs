//! The `rollcall` command: runs everything in one process, imports files, and looks after API keys
//! and dead letters.

mod api;
mod campaigns;
mod cli;
mod databases;
mod dead_letters;
mod demo;
mod ending;
mod import;
mod keys;
mod leads;
mod listeners;
mod listing;
mod manual;
mod private_postgres;
mod probe;
mod services;
mod signals;
mod status;
mod table;
mod tracers;
mod up;
mod workspaces;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    cli::{Cli, Command},
    ending::Ending,
};

#[tokio::main]
async fn main() -> ExitCode {
    let fine = |()| Ending::Fine;
    ending::exit(match Cli::parse().command.unwrap_or_default() {
        Command::Up => up::run().await.map(fine),
        Command::Import(options) => import::run(*options).await,
        Command::Campaigns(options) => campaigns::run(options).await.map(fine),
        Command::Leads { command } => leads::run(command).await.map(fine),
        Command::Status { json } => status::run(json).await,
        Command::Keys { command } => keys::run(command).await.map(fine),
        Command::Workspaces { command } => workspaces::run(command).await.map(fine),
        Command::DeadLetters { command } => dead_letters::run(command).await.map(fine),
        Command::Healthcheck { url } => probe::healthcheck(&url).await.map(fine),
        Command::Completions { shell } => manual::completions(shell).map(fine),
        Command::Man { folder } => manual::pages(folder.as_deref()).map(fine),
    })
}
