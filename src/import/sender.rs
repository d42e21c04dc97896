//! Sending chunks, again and again where that may help.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use anyhow::Context;
use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use serde::Deserialize;
use tokio::time::sleep;
use uuid::Uuid;

use super::{
    chunks::{Chunk, RequestOptions},
    journal::Finished,
    progress::Progress,
    rejects::Layout,
    tally::{REJECTED, Tally},
};
use crate::api::{Api, Failure};

/// How long after a failed attempt the second follows, and how long a later one at the most, where
/// the server does not say.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// Sends the chunks of one import.
pub struct Sender<'a> {
    /// Where to, and as whom.
    pub api: &'a Api,
    /// The campaign that the leads are added to.
    pub campaign: Uuid,
    /// What goes with every request.
    pub options: RequestOptions,
    /// The name of the import.
    pub import_id: String,
    /// How rejected rows are written.
    pub layout: Layout,
    /// How long a server that is away is waited for.
    pub patience: Duration,
    /// When a request last succeeded.
    pub last_success: Cell<Instant>,
    /// Whoever looks on.
    pub progress: &'a Progress,
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    results: Vec<EntryResult>,
}

/// What became of an entry, as far as it matters here.
#[derive(Deserialize)]
struct EntryResult {
    status: String,
    error: Option<EntryProblem>,
}

#[derive(Deserialize)]
struct EntryProblem {
    code: String,
    message: String,
}

impl Sender<'_> {
    /// Sends one chunk.
    ///
    /// # Errors
    /// When the server refuses it, or was away for too long.
    pub async fn send(&self, chunk: Chunk) -> anyhow::Result<Finished> {
        let results = match chunk.body(&self.options) {
            Some(body) => self.results(&chunk, body.into()).await?,
            None => Vec::new(),
        };
        let mut results = results.into_iter();
        let mut done =
            Finished { chunk: chunk.number, tally: Tally::default(), rejects: String::new() };
        for row in &chunk.rows {
            let reason = match &row.entry {
                Err(reason) => Some(reason.clone()),
                Ok(_) => {
                    let result = results.next().context("a result for each entry")?;
                    if result.status != REJECTED {
                        done.tally.count(&result.status);
                        continue;
                    }
                    result.error.map(|error| format!("{}: {}", error.code, error.message))
                }
            };
            done.tally.count(REJECTED);
            let reason = reason.unwrap_or_else(|| "rejected".to_owned());
            done.rejects.push_str(&self.layout.line(&row.original, &reason));
        }
        Ok(done)
    }

    async fn results(&self, chunk: &Chunk, body: Bytes) -> anyhow::Result<Vec<EntryResult>> {
        let key = chunk.idempotency_key(&self.import_id, self.campaign, &body);
        let path = format!("/campaigns/{}/leads", self.campaign);
        let (first, longest) = PAUSES;
        let pauses = ExponentialBuilder::default().with_min_delay(first).with_max_delay(longest);
        let mut pauses = pauses.with_jitter().without_max_times().build();
        loop {
            let failure = match self.api.post(&path, body.clone(), Some(&key)).await {
                Ok(answer) => {
                    self.last_success.set(Instant::now());
                    let sent = chunk.rows.iter().filter(|row| row.entry.is_ok()).count();
                    let answer: Option<Answer> = serde_json::from_value(answer).ok();
                    let results = answer.map(|answer| answer.data.results);
                    let results = results.filter(|results| results.len() == sent);
                    return results.ok_or_else(|| self.api.unexpected().into());
                }
                Err(failure) if failure.is_passing() => failure,
                Err(failure) => return Err(failure.into()),
            };
            let pause = failure.retry_after().or_else(|| pauses.next()).unwrap_or(longest);
            self.wait(failure, pause).await?;
        }
    }

    /// Waits before the next attempt, unless too much time has passed since anybody's success.
    async fn wait(&self, failure: Failure, pause: Duration) -> anyhow::Result<()> {
        if self.last_success.get().elapsed() + pause > self.patience {
            let patience = self.patience.as_secs();
            return Err(failure).with_context(|| format!("given up after {patience} seconds"));
        }
        self.progress.waiting(&failure);
        sleep(pause).await;
        Ok(())
    }
}
