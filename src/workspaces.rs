//! `rollcall workspaces`.

use std::io::{self, Write};

use anyhow::{Context, ensure};
use gateway::workspaces;
use shared::{database::PooledConnection, settings::Settings};

use crate::{cli::WorkspacesCommand, databases::GatewayDatabase, table};

const HEADER: [&str; 3] = ["ID", "NAME", "REGION"];

/// Carries out one command on the gateway's database.
///
/// # Errors
/// When the database is not reached, or there is no such workspace.
pub async fn run(command: WorkspacesCommand) -> anyhow::Result<()> {
    let settings = Settings::load()?;
    GatewayDatabase::with(&settings, async |connection| carry_out(command, connection).await).await
}

async fn carry_out(
    command: WorkspacesCommand,
    mut connection: PooledConnection,
) -> anyhow::Result<()> {
    match command {
        WorkspacesCommand::List => {
            let listed = workspaces::list(&mut connection).await;
            let listed = listed.context("cannot list the workspaces")?;
            let rows: Vec<_> = listed
                .into_iter()
                .map(|workspace| {
                    let region = workspace.default_region.unwrap_or_else(|| "-".to_owned());
                    [workspace.id.to_string(), workspace.name, region]
                })
                .collect();
            writeln!(io::stdout(), "{}", table::lines(HEADER, &rows).join("\n"))?;
        }
        WorkspacesCommand::Region { name, region, .. } => {
            let changed = workspaces::set_default_region(&mut connection, &name, region).await;
            let changed = changed.context("cannot change the workspace")?;
            ensure!(changed, "no workspace {name}; `rollcall workspaces list` shows them");
        }
    }
    Ok(())
}
