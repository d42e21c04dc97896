//! `rollcall keys`.

use std::io::{self, Write};

use anyhow::{Context, ensure};
use gateway::{
    callbacks::secrets,
    keys::{self, KeyListing, KeyOptions},
    scopes::Scopes,
};
use shared::{database::PooledConnection, settings::Settings};

use crate::{cli::KeysCommand, databases::GatewayDatabase, table};

const HEADER: [&str; 9] =
    ["ID", "WORKSPACE", "NAME", "KEY", "SCOPES", "PER MINUTE", "CREATED", "LAST USED", "STATE"];

/// Carries out one command on the gateway's database.
///
/// # Errors
/// When the database is not reached, or there is no such key.
pub async fn run(command: KeysCommand) -> anyhow::Result<()> {
    let settings = Settings::load()?;
    GatewayDatabase::with(&settings, async |connection| carry_out(command, connection).await).await
}

async fn carry_out(command: KeysCommand, mut connection: PooledConnection) -> anyhow::Result<()> {
    match command {
        KeysCommand::Create { workspace, name, scopes, rate_limit } => {
            let scopes = Scopes::new(scopes).unwrap_or_default();
            let options = KeyOptions { name, scopes, rate_limit };
            let key = keys::create(&mut connection, &workspace, options).await;
            let key = key.context("cannot make a key")?;
            writeln!(io::stdout(), "{}", key.secret)?;
            let id = key.listing.id;
            eprintln!("key {id} for workspace {workspace}: keep it, it is not shown again");
        }
        KeysCommand::List => {
            let listed = keys::list(&mut connection).await.context("cannot list the keys")?;
            let rows: Vec<_> = listed.into_iter().map(row).collect();
            if rows.is_empty() {
                eprintln!("no keys yet: make one by `rollcall keys create --workspace NAME`");
            } else {
                writeln!(io::stdout(), "{}", table::lines(HEADER, &rows).join("\n"))?;
            }
        }
        KeysCommand::Limit { id, per_minute } => {
            let changed = keys::set_rate_limit(&mut connection, id, per_minute).await;
            let changed = changed.context("cannot change the limit")?;
            ensure!(changed, "no key {id}; `rollcall keys list` shows them");
            eprintln!("key {id}: requests per minute: {}", limit(per_minute));
        }
        KeysCommand::WebhookSecret { workspace, rotate } => {
            let id = keys::workspace_id(&mut connection, &workspace).await?;
            let id = id.with_context(|| format!("there is no workspace {workspace}"))?;
            let secret = if rotate {
                secrets::rotate(&mut connection, id).await
            } else {
                secrets::current(&mut connection, id).await
            };
            writeln!(io::stdout(), "{}", secret.context("cannot read the secret")?)?;
        }
        KeysCommand::Revoke { id } => {
            let revoked = keys::revoke(&mut connection, None, id).await;
            let revoked = revoked.context("cannot revoke the key")?;
            ensure!(revoked.is_some(), "no key {id}; `rollcall keys list` shows them");
            eprintln!("key {id} is revoked");
        }
    }
    Ok(())
}

fn limit(per_minute: Option<i32>) -> String {
    match per_minute {
        None => "default".to_owned(),
        Some(0) => "no limit".to_owned(),
        Some(limit) => limit.to_string(),
    }
}

fn row(key: KeyListing) -> [String; 9] {
    const TIME: &str = "%Y-%m-%d %H:%M UTC";
    [
        key.id.to_string(),
        key.workspace,
        key.name.unwrap_or_else(|| "-".to_owned()),
        format!("…{}", key.hint),
        key.scopes.names().join(" "),
        limit(key.rate_limit),
        key.created_at.format(TIME).to_string(),
        key.last_used_at.map_or_else(|| "never".to_owned(), |at| at.format(TIME).to_string()),
        key.revoked_at
            .map_or_else(|| "active".to_owned(), |at| format!("revoked {}", at.format(TIME))),
    ]
}
