//! Sending callbacks, again and again over a day, until they are taken.

use std::{sync::Arc, time::Duration};

use chrono::Utc;
use hyper::StatusCode;
use shared::{
    crash,
    database::{Database, DatabaseError},
    supervisor::pass_on_panic,
};
use tokio::{
    sync::{Notify, Semaphore},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Guard,
    client::{Client, Failure},
    secrets,
    store::{self, Callback},
};
use crate::{pauses, submissions};

/// Callbacks that are sent at once.
const AT_ONCE: usize = 16;
/// How long a receiver may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long nobody else sends the same.
const LEASE: Duration = Duration::from_secs(30);
/// How often it is looked for what has become due.
const LOOK: Duration = Duration::from_secs(1);
/// The pauses between attempts, as the specification recommends: a day and some hours in all.
const PAUSES: [Duration; 7] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3_600),
    Duration::from_secs(5 * 3_600),
    Duration::from_secs(10 * 3_600),
    Duration::from_secs(10 * 3_600),
];

/// What it takes to send callbacks.
pub struct Delivery {
    database: Database,
    guard: Guard,
    client: Client,
    finished: Arc<Notify>,
}

impl Delivery {
    /// Of the submissions in this database; `finished` says that one more may be due.
    pub fn new(database: Database, guard: Guard, finished: Arc<Notify>) -> Self {
        Self { database, guard, client: Client::default(), finished }
    }

    /// Sends until stopped. What is broken off then is sent again by the next gateway.
    pub async fn run(self, stop: CancellationToken) {
        let (delivery, slots) = (Arc::new(self), Arc::new(Semaphore::new(AT_ONCE)));
        let mut under_way = JoinSet::new();
        loop {
            let slot = tokio::select! {
                () = stop.cancelled() => return,
                slot = Arc::clone(&slots).acquire_owned() => slot,
            };
            while let Some(ended) = under_way.try_join_next() {
                pass_on_panic(ended);
            }
            crash::point("gateway::delivering");
            match delivery.claim().await {
                Ok(Some(due)) => {
                    let delivery = Arc::clone(&delivery);
                    under_way.spawn(async move {
                        if let Err(error) = delivery.deliver(&due).await {
                            tracing::warn!(submission_id = %due.submission_id, %error, "a callback is sent again");
                        }
                        drop(slot);
                    });
                    continue;
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "callbacks cannot be looked for"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = delivery.finished.notified() => {}
                () = sleep(LOOK) => {}
            }
        }
    }

    async fn claim(&self) -> Result<Option<Callback>, DatabaseError> {
        store::claim(&mut *self.database.connection().await?, LEASE).await
    }

    /// Makes one attempt.
    async fn deliver(&self, due: &Callback) -> Result<(), DatabaseError> {
        let sent = match timeout(TIMEOUT, self.send(due)).await {
            Ok(sent) => sent,
            Err(_) => Err("no answer in time".into()),
        };
        let attempt = due.attempts;
        let pause = PAUSES.get(attempt.unsigned_abs().saturating_sub(1) as usize);
        let mut connection = self.database.connection().await?;
        match (sent, pause) {
            (Ok(status), _) if status.is_success() => {
                store::end(&mut connection, due.submission_id, "delivered").await
            }
            // The receiver wants no more of it.
            (Ok(StatusCode::GONE), _) => {
                store::end(&mut connection, due.submission_id, "failed").await
            }
            (sent, Some(&pause)) => {
                let answer =
                    sent.map_or_else(|error| error.to_string(), |status| status.to_string());
                tracing::info!(submission_id = %due.submission_id, attempt, %answer, "a callback was not taken");
                store::postpone(&mut connection, due.submission_id, pauses::jittered(pause)).await
            }
            (_, None) => {
                tracing::warn!(submission_id = %due.submission_id, attempt, "a callback is given up");
                store::end(&mut connection, due.submission_id, "failed").await
            }
        }
    }

    async fn send(&self, due: &Callback) -> Result<StatusCode, Failure> {
        let target = self.guard.target(&due.url).await?;
        let (body, secrets) = {
            let mut connection = self.database.connection().await?;
            let stored =
                submissions::store::find(&mut connection, due.workspace_id, due.submission_id)
                    .await?;
            let stored = stored.ok_or("the submission is gone")?;
            let body = submissions::view::completed(stored).to_string();
            (body, secrets::of(&mut connection, due.workspace_id).await?)
        };
        // The same at every attempt, so that the receiver knows it again.
        let id = format!("msg_{}", due.submission_id.simple());
        let timestamp = Utc::now().timestamp();
        let signature = secrets.sign(&id, timestamp, &body);
        let headers = [
            ("webhook-id", id),
            ("webhook-timestamp", timestamp.to_string()),
            ("webhook-signature", signature),
        ];
        self.client.post(&target, headers, body).await
    }
}
