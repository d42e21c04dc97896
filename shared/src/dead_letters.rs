//! Dead letters, for who runs Rollcall: what nobody could work on, and why.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::bus::{
    Browser, Bus, BusError, Lane, Message, Queue, REASON_HEADER, SOURCE_HEADER, Shown, within,
};

/// How long the broker may take to be reached, or to take one message.
const TIMEOUT: Duration = Duration::from_secs(15);

/// So many are looked at, if they are there, though fewer are asked for: a quorum queue puts what it is
/// given back behind what it was given back before, so only all together keep their order.
const TOGETHER: usize = 1_000;

/// Why something could not be done with a dead letter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeadLetterError {
    /// There is none of that id.
    #[error("there is no dead letter {0}")]
    Absent(String),
    /// It cannot be published where it came from.
    #[error("dead letter {0} does not say where it came from; drop it")]
    NoSource(String),
    /// The broker was not reached.
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// Which dead letters are meant.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// The one of this id.
    One(&'a str),
    /// All that are there now.
    All,
}

impl Which<'_> {
    fn is(self, letter: &Message) -> bool {
        match self {
            Self::One(wanted) => id(letter) == wanted,
            Self::All => true,
        }
    }
}

/// What is told of a dead letter. Not its body, which holds personal data.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DeadLetter {
    /// Its publisher's name for it.
    pub id: String,
    /// The queue where it was first delivered, as far as is known.
    pub source: Option<String>,
    /// Why it is here, as far as is known.
    pub reason: Option<String>,
    /// The size of its body.
    pub bytes: usize,
}

/// Some of the dead letters.
pub struct Part {
    /// Them, oldest first.
    pub letters: Vec<DeadLetter>,
    /// How many there are in all.
    pub total: usize,
}

impl From<Message> for DeadLetter {
    fn from(letter: Message) -> Self {
        let header = |name| letter.header(name).map(str::to_owned);
        let (source, reason) = (header(SOURCE_HEADER), header(REASON_HEADER));
        Self { id: id(&letter).to_owned(), source, reason, bytes: letter.body.len() }
    }
}

fn id(letter: &Message) -> &str {
    letter.message_id.as_deref().unwrap_or("-")
}

/// Shows so many dead letters, without the first. They keep their order where there are no more than
/// 1,000.
///
/// # Errors
/// When the broker is not reached.
pub async fn list(bus: &dyn Bus, without: usize, limit: usize) -> Result<Part, DeadLetterError> {
    let mut browser = browse(bus).await?;
    let (mut letters, mut seen) = (Vec::new(), 0);
    while (letters.len() < limit || seen < TOGETHER)
        && let Some(Shown { message, .. }) = browser.next().await?
    {
        if seen >= without && letters.len() < limit {
            letters.push(message.into());
        }
        seen += 1;
    }
    let total = seen + browser.left() as usize;
    browser.close().await?;
    Ok(Part { letters, total })
}

/// Shows a dead letter whole. Its body holds personal data.
///
/// # Errors
/// When there is none of this id.
pub async fn find(bus: &dyn Bus, wanted: &str) -> Result<Message, DeadLetterError> {
    let mut browser = browse(bus).await?;
    let (mut found, mut seen) = (None, 0);
    while (found.is_none() || seen < TOGETHER)
        && let Some(Shown { message, .. }) = browser.next().await?
    {
        if found.is_none() && Which::One(wanted).is(&message) {
            found = Some(message);
        }
        seen += 1;
    }
    browser.close().await?;
    found.ok_or_else(|| DeadLetterError::Absent(wanted.to_owned()))
}

/// Publishes dead letters where they came from, and returns how many. Whoever works on one answers a
/// submission that was done before as it did then, so a replay is never too much. Nobody gets the reply.
///
/// # Errors
/// When there is none of this id, or one does not say where it came from.
pub async fn replay(bus: &dyn Bus, which: Which<'_>) -> Result<usize, DeadLetterError> {
    each(bus, which, async |letter: &Message| publish_again(bus, letter).await).await
}

/// Removes dead letters for good, and returns how many.
///
/// # Errors
/// When there is none of this id.
pub async fn remove(bus: &dyn Bus, which: Which<'_>) -> Result<usize, DeadLetterError> {
    each(bus, which, async |_: &Message| Ok(())).await
}

async fn browse(bus: &dyn Bus) -> Result<Box<dyn Browser>, BusError> {
    bus.browse(Queue::DeadLetters, within(TIMEOUT)).await
}

/// Does something with dead letters, and removes each when it is done.
async fn each(
    bus: &dyn Bus,
    which: Which<'_>,
    act: impl AsyncFn(&Message) -> Result<(), DeadLetterError>,
) -> Result<usize, DeadLetterError> {
    let mut browser = browse(bus).await?;
    let mut count = 0;
    while let Some(shown) = browser.next().await? {
        if which.is(&shown.message) {
            act(&shown.message).await?;
            browser.remove(shown).await?;
            count += 1;
        }
    }
    browser.close().await?;
    match which {
        Which::One(wanted) if count == 0 => Err(DeadLetterError::Absent(wanted.to_owned())),
        Which::One(_) | Which::All => Ok(count),
    }
}

async fn publish_again(bus: &dyn Bus, letter: &Message) -> Result<(), DeadLetterError> {
    let source = letter.header(SOURCE_HEADER).unwrap_or_default();
    let mut sources = Lane::ALL.into_iter().flat_map(|lane| [lane.submitted(), lane.resolved()]);
    let queue = sources.find(|queue| queue.name() == source);
    let queue = queue.ok_or_else(|| DeadLetterError::NoSource(id(letter).to_owned()))?;
    let mut message = letter.clone();
    // Whoever waited for the reply has gone.
    message.reply_to = None;
    message.headers.clear();
    Ok(bus.publish(queue, message, within(TIMEOUT)).await?)
}
