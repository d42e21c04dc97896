//! `rollcall dead-letters`: what nobody could work on, and why.

use std::io::{self, Write};

use anyhow::bail;
use shared::{
    bus::Bus,
    dead_letters::{self, DeadLetter, Which},
    process::rabbit_bus,
    settings::Settings,
};

use crate::{cli, cli::DeadLettersCommand, table};

/// Carries out one of the commands.
///
/// # Errors
/// When there is no broker, or no such dead letter.
pub async fn run(command: DeadLettersCommand) -> anyhow::Result<()> {
    let settings = Settings::load()?;
    let Some(url) = settings.amqp_url else {
        bail!("AMQP_URL is not set: without a broker, dead letters live and end with `rollcall up`")
    };
    let bus = rabbit_bus(&url, "dead-letters")?;
    let done = carry_out(&bus, command).await;
    bus.close().await;
    done
}

async fn carry_out(bus: &dyn Bus, command: DeadLettersCommand) -> anyhow::Result<()> {
    match command {
        DeadLettersCommand::List { limit } => list(bus, limit).await,
        DeadLettersCommand::Show { id } => show(bus, &id).await,
        DeadLettersCommand::Replay(these) => {
            report("replayed", dead_letters::replay(bus, which(&these)).await?)
        }
        DeadLettersCommand::Drop(these) => {
            report("dropped", dead_letters::remove(bus, which(&these)).await?)
        }
    }
}

fn which(these: &cli::Which) -> Which<'_> {
    these.id.as_deref().map_or(Which::All, Which::One)
}

fn report(done: &str, count: usize) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{done} {count}")?)
}

async fn list(bus: &dyn Bus, limit: usize) -> anyhow::Result<()> {
    let letters = dead_letters::list(bus, 0, limit).await?.letters;
    let rows: Vec<_> = letters
        .into_iter()
        .map(|DeadLetter { id, source, reason, bytes }| {
            let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
            [id, or_dash(source), bytes.to_string(), or_dash(reason)]
        })
        .collect();
    if rows.is_empty() {
        eprintln!("no dead letters");
    } else {
        let lines = table::lines(["ID", "FROM", "BYTES", "REASON"], &rows);
        writeln!(io::stdout(), "{}", lines.join("\n"))?;
    }
    Ok(())
}

/// Shows a dead letter whole. Its body holds personal data, as everybody who runs this knows.
async fn show(bus: &dyn Bus, id: &str) -> anyhow::Result<()> {
    let letter = dead_letters::find(bus, id).await?;
    let headers = letter.headers.iter().map(|(name, value)| format!("{name}: {value}\n"));
    let (headers, body) = (headers.collect::<String>(), String::from_utf8_lossy(&letter.body));
    Ok(writeln!(io::stdout(), "{headers}\n{body}")?)
}
