//! Working big submissions off, chunk by chunk.
//!
//! Every gateway does; they share the work through the table. Whoever takes a submission holds it
//! for some seconds and again while it takes, so one whose gateway died is soon taken by another,
//! which sends the same chunk again under the same id.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use shared::{
    bus::{Lane, SharedBus, Status},
    contract::ErrorBody,
    crash,
    database::{Database, DatabaseError},
    supervisor::pass_on_panic,
};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::field::display;

use super::{
    Options,
    outcome::Outcome,
    store::turns::{self, Chunk, Turn},
};
use crate::{
    activity::Activity, error::ApiError, gather::Gatherer, pauses, routes::add_leads::AddLeads,
};

/// How long a submission is held, and how often it is held again.
const LEASE: Duration = Duration::from_secs(5);
const HOLD_AGAIN: Duration = Duration::from_secs(2);
/// How often it is looked for what another gateway has accepted or left behind.
const LOOK: Duration = Duration::from_secs(1);
/// How long chunks under way may take after the signal to stop.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two attempts while nothing works.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What it takes to work submissions off.
pub struct Worker {
    /// Where they stand.
    pub database: Database,
    /// Whether it can be used.
    pub bus: SharedBus,
    /// The way into the pipeline.
    pub gatherer: Arc<Gatherer>,
    /// Says that there is a new one.
    pub arrived: Arc<Notify>,
    /// Says that one is finished.
    pub finished: Arc<Notify>,
    /// What workspaces are sending just now.
    pub activity: Arc<Activity>,
}

impl Worker {
    /// Works with so many chunks under way until stopped.
    pub async fn run(self, chunks: usize, stop: CancellationToken) {
        let worker = Arc::new(self);
        let (slots, mut under_way) = (Arc::new(Semaphore::new(chunks)), JoinSet::new());
        // Failures since the last success, whoever's: while the services are away, chunks must not
        // heap up in front of them.
        let failures = Arc::new(AtomicU32::new(0));
        while let Some(slot) = next_slot(&slots, &stop).await {
            while let Some(ended) = under_way.try_join_next() {
                pass_on_panic(ended);
            }
            let failed = failures.load(Ordering::Relaxed);
            if failed > 0 && stopped_after(pause(failed), &stop).await {
                break;
            }
            match worker.claim().await {
                Ok(Some(turn)) => {
                    under_way.spawn(work(worker.clone(), turn, failures.clone(), slot));
                }
                Ok(None) => {
                    drop(slot);
                    if worker.nothing_to_do(&stop).await {
                        break;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "submissions cannot be looked for");
                    if stopped_after(LOOK, &stop).await {
                        break;
                    }
                }
            }
        }
        // What is broken off here is begun again by the next gateway.
        let _ = timeout(PATIENCE, under_way.join_all()).await;
    }

    async fn claim(&self) -> Result<Option<Turn>, DatabaseError> {
        if self.bus.status() != Status::Ready {
            return Ok(None);
        }
        turns::claim(&mut *self.database.connection().await?, LEASE).await
    }

    /// Waits for something to do; `true` when stopped.
    async fn nothing_to_do(&self, stop: &CancellationToken) -> bool {
        tokio::select! {
            () = stop.cancelled() => true,
            () = self.arrived.notified() => false,
            () = sleep(LOOK) => false,
        }
    }

    /// Sends a chunk and keeps what becomes of it; `false` when it has to be sent again.
    async fn work_on(&self, turn: &Turn) -> Result<bool, DatabaseError> {
        let chunk = turns::chunk(&mut *self.database.connection().await?, turn).await?;
        let count = chunk.count as usize;
        let outcome = match self.send(turn, &chunk).await {
            Err(error) if error.is_passing() => {
                let attempts = turn.attempts.saturating_add(1);
                let (submission_id, part_of) = (display(chunk.id), display(turn.id));
                tracing::warn!(submission_id, part_of, attempts, %error, "a chunk will be sent again");
                let pause = pause(attempts.unsigned_abs());
                turns::hold(&mut *self.database.connection().await?, turn, pause, attempts).await?;
                return Ok(false);
            }
            Err(error) => Outcome::refused(chunk.entries, count, &error.into_body()),
            Ok(answered) => {
                Outcome::answered(&chunk.entries, count, &answered).unwrap_or_else(|error| {
                    let (submission_id, part_of) = (display(chunk.id), display(turn.id));
                    tracing::error!(submission_id, part_of, %error, "an answer was not understood");
                    Outcome::refused(chunk.entries, count, &ErrorBody::internal())
                })
            }
        };
        crash::point("gateway::answered");
        self.activity.of(turn.workspace_id).settled(&outcome.summary);
        if turns::finish(&mut *self.database.connection().await?, turn, &outcome).await? {
            self.finished.notify_one();
        }
        Ok(true)
    }

    /// Sends a chunk, holding on to its submission meanwhile.
    async fn send(&self, turn: &Turn, chunk: &Chunk) -> Result<crate::gather::Answered, ApiError> {
        let options = Options::from_json(&turn.options).map_err(|_| ErrorBody::internal())?;
        let request = AddLeads::parse(options.request(&chunk.entries).as_bytes())?;
        let mut submission = request.into_submission(chunk.id, turn.workspace_id, turn.campaign_id);
        submission.origin = options.origin();
        let mut sending = std::pin::pin!(self.gatherer.submit_on(Lane::Background, submission));
        loop {
            tokio::select! {
                answered = &mut sending => return answered,
                () = sleep(HOLD_AGAIN) => {}
            }
            let held = async {
                turns::hold(&mut *self.database.connection().await?, turn, LEASE, turn.attempts)
                    .await
            };
            if let Err(error) = held.await {
                tracing::debug!(%error, "a submission was not held again");
            }
        }
    }
}

async fn work(
    worker: Arc<Worker>,
    turn: Turn,
    failures: Arc<AtomicU32>,
    _slot: OwnedSemaphorePermit,
) {
    match worker.work_on(&turn).await {
        Ok(true) => failures.store(0, Ordering::Relaxed),
        Ok(false) => {
            failures.fetch_add(1, Ordering::Relaxed);
        }
        Err(error) => {
            failures.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(part_of = %turn.id, %error, "a chunk will be sent again");
        }
    }
    // The next chunk is due.
    worker.arrived.notify_one();
}

async fn next_slot(
    slots: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<OwnedSemaphorePermit> {
    tokio::select! {
        biased;
        () = stop.cancelled() => None,
        slot = Arc::clone(slots).acquire_owned() => slot.ok(),
    }
}

async fn stopped_after(pause: Duration, stop: &CancellationToken) -> bool {
    timeout(pause, stop.cancelled()).await.is_ok()
}

/// How long to wait after so many failures.
fn pause(failures: u32) -> Duration {
    pauses::jittered(
        FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LONGEST_PAUSE),
    )
}
