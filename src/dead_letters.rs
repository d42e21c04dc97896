//! `rollcall dead-letters`: what nobody could work on, and why.

use std::{
    io::{self, Write},
    time::Duration,
};

use anyhow::{Context, bail};
use shared::{
    bus::{
        Bus, Lane, Message, Queue, REASON_HEADER, SOURCE_HEADER,
        rabbit::{Browser, RabbitBus, Shown},
        within,
    },
    process::rabbit_bus,
    settings::Settings,
};

use crate::{cli::DeadLettersCommand, table};

/// How long the broker may take to be reached, or to take one message.
const TIMEOUT: Duration = Duration::from_secs(15);

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

async fn carry_out(bus: &RabbitBus, command: DeadLettersCommand) -> anyhow::Result<()> {
    let mut letters = bus.browse(Queue::DeadLetters, within(TIMEOUT)).await?;
    let done = match command {
        DeadLettersCommand::List { limit } => list(&mut letters, limit).await,
        DeadLettersCommand::Show { id } => show(&mut letters, &id).await,
        DeadLettersCommand::Replay(which) => {
            let count = each(&mut letters, which.id.as_deref(), async |letter: &Message| {
                replay(bus, letter).await
            });
            report("replayed", count.await?)
        }
        DeadLettersCommand::Drop(which) => {
            let count = each(&mut letters, which.id.as_deref(), async |_: &Message| Ok(()));
            report("dropped", count.await?)
        }
    };
    letters.close().await?;
    done
}

fn report(done: &str, count: usize) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{done} {count}")?)
}

async fn list(letters: &mut Browser, limit: usize) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    while rows.len() < limit
        && let Some(Shown { message, .. }) = letters.next().await?
    {
        rows.push([
            id(&message).to_owned(),
            message.header(SOURCE_HEADER).unwrap_or("-").to_owned(),
            message.body.len().to_string(),
            message.header(REASON_HEADER).unwrap_or("-").to_owned(),
        ]);
    }
    if rows.is_empty() {
        eprintln!("no dead letters");
    } else {
        let lines = table::lines(["ID", "FROM", "BYTES", "REASON"], &rows);
        writeln!(io::stdout(), "{}", lines.join("\n"))?;
    }
    Ok(())
}

/// Shows a dead letter whole. Its body holds personal data, as everybody who runs this knows.
async fn show(letters: &mut Browser, wanted: &str) -> anyhow::Result<()> {
    while let Some(Shown { message, .. }) = letters.next().await? {
        if id(&message) == wanted {
            let headers = message.headers.iter().map(|(name, value)| format!("{name}: {value}\n"));
            writeln!(
                io::stdout(),
                "{}\n{}",
                headers.collect::<String>(),
                String::from_utf8_lossy(&message.body)
            )?;
            return Ok(());
        }
    }
    bail!("there is no dead letter {wanted}")
}

/// Does something with one dead letter, or with all that are there now, and removes each when it
/// is done.
async fn each(
    letters: &mut Browser,
    wanted: Option<&str>,
    act: impl AsyncFn(&Message) -> anyhow::Result<()>,
) -> anyhow::Result<usize> {
    let mut count = 0;
    while let Some(shown) = letters.next().await? {
        if wanted.is_none_or(|wanted| id(&shown.message) == wanted) {
            act(&shown.message).await?;
            letters.remove(shown).await?;
            count += 1;
        }
    }
    match wanted {
        Some(wanted) if count == 0 => bail!("there is no dead letter {wanted}"),
        _ => Ok(count),
    }
}

/// Publishes a dead letter where it came from. Whoever works on it answers a submission that was
/// done before as it did then, so a replay is never too much.
async fn replay(bus: &RabbitBus, letter: &Message) -> anyhow::Result<()> {
    let source = letter.header(SOURCE_HEADER).unwrap_or_default();
    let mut sources = Lane::ALL.into_iter().flat_map(|lane| [lane.submitted(), lane.resolved()]);
    let queue = sources.find(|queue| queue.name() == source);
    let queue = queue.with_context(|| {
        format!("dead letter {} does not say where it came from; drop it", id(letter))
    })?;
    let mut message = letter.clone();
    // Whoever waited for the reply has gone.
    message.reply_to = None;
    message.headers.clear();
    Ok(bus.publish(queue, message, within(TIMEOUT)).await?)
}

fn id(letter: &Message) -> &str {
    letter.message_id.as_deref().unwrap_or("-")
}
