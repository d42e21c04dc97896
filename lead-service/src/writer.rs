//! One batch, one transaction: lock, look up, resolve, write, commit, in two round trips. One more where a
//! large batch is looked up on two connections at once, and one where contacts are suppressed. While there is
//! nothing to find, one statement does it all: see [`presumption`].
//!
//! The connections are the writer's own, so that statements can be sent one behind the other without
//! waiting for answers. That keeps their order only once they are prepared, which a new connection
//! therefore does first.

mod batch;
mod lookup;
mod outcome;
mod presumption;
mod suppressed;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::value::RawValue;
use shared::{
    contract::ErrorBody,
    database::{Database, DatabaseError},
    traces::Tracer,
    worker::Work,
};
use tokio::time::timeout;
use uuid::Uuid;

use crate::{
    store::{
        counts::CountLeads,
        records::InsertRecords,
        writes::{InsertLeads, ParkIdentifiers, UpdateLeads, WriteNew},
    },
    unit::Unit,
};
use batch::{Batch, Written, begin};
use lookup::Lookup;
use presumption::{Presumptions, Truths};

/// Workspaces that one transaction may lock: PostgreSQL's lock table is finite, by default 64
/// entries for each connection (<https://www.postgresql.org/docs/15/runtime-config-locks.html>).
pub const MAX_WORKSPACES: usize = 256;

/// Entries from which on a batch is looked up on two connections at once: all that the workspace's
/// next writer waits for is the time between the lock and the commit.
const LOOK_UP_IN_TWO: usize = 200;

/// The client's own deadline for a transaction, above the server's for each statement.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a transaction without data may take, with connecting. One that takes longer shows that it
/// is the database that is slow.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// What a submission is answered, or why it failed whole.
pub type Answer = Result<Answered, ErrorBody>;

/// What became of a submission's entries.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The JSON array of outcomes.
    pub outcomes: Box<RawValue>,
    /// When they were decided for the first time, by the database's clock.
    pub resolved_at: DateTime<Utc>,
}

/// Carries batches of submissions into the database.
pub struct Writer {
    database: Database,
    tracer: Tracer,
    connections: Option<Connections>,
    presumptions: Presumptions,
    /// Entries from which on a batch is looked up on two connections.
    two_from: usize,
}

/// A writer's own connections.
struct Connections {
    /// Carries the transaction.
    main: AsyncPgConnection,
    /// Looks up beside it; made when it is first needed.
    beside: Option<AsyncPgConnection>,
}

impl Writer {
    /// A writer that connects when it is first needed.
    pub fn new(database: Database, tracer: Tracer) -> Self {
        let (presumptions, two_from) = (Presumptions::default(), LOOK_UP_IN_TWO);
        Self { database, tracer, connections: None, presumptions, two_from }
    }

    /// Presumes of a batch what was true of as many before.
    pub fn presuming_after(self, batches: u32) -> Self {
        Self { presumptions: Presumptions::after(batches), ..self }
    }

    /// Looks up a batch on two connections from so many entries on.
    pub fn in_two_from(self, entries: usize) -> Self {
        Self { two_from: entries, ..self }
    }
}

#[async_trait]
impl Work<Unit> for Writer {
    type Done = Answer;

    /// Resolves submissions, as if each were the only one, in order, in one transaction. Where the
    /// connection is lost while committing, a repetition finds what was recorded.
    async fn work(&mut self, units: &[Unit]) -> Result<Vec<Answer>, DatabaseError> {
        let entries: usize = units.iter().map(|unit| unit.entries.len()).sum();
        let is_large = entries >= self.two_from;
        // No data has been sent yet, so none is to blame.
        let ready = Connections::ready(self.connections.take(), &self.database, is_large);
        let ready = timeout(TRANSACTION_TIMEOUT, ready).await;
        let connections = ready
            .unwrap_or_else(|_| Err(DatabaseError::unavailable("preparing took too long")))
            .map_err(|error| DatabaseError::Unavailable(error.to_string()))?;
        let batch = Batch {
            on: &connections.main,
            beside: connections.beside.as_ref().filter(|_| is_large),
            units,
            tracer: &self.tracer,
        };
        let written = async {
            if self.presumptions.all_new.holds()
                && let Some(written) = batch.write_unseen().await?
            {
                return Ok(written);
            }
            batch.write(self.presumptions.phones_tell.holds()).await
        };
        let error = match timeout(TRANSACTION_TIMEOUT, written).await {
            Ok(Ok(Written { answers, truths })) => {
                self.presumptions.learn(truths);
                self.connections = Some(connections);
                return Ok(answers);
            }
            Ok(Err(error)) => DatabaseError::from(error),
            Err(_) => DatabaseError::timed_out("a transaction did not end in time"),
        };
        // Whose transaction may hold the locks.
        drop(connections);
        // The next try is not to be the third in vain before the one that counts.
        self.presumptions.learn(Truths::default());
        Err(error)
    }

    /// A transaction without data, on a connection of its own.
    async fn probe(&mut self, units: &[Unit]) -> Result<(), DatabaseError> {
        let probe = async {
            let connection = connect(&self.database).await?;
            (&connection).batch_execute(&begin(units)).await?;
            let id = Uuid::now_v7();
            let record = InsertRecords {
                workspaces: vec![id],
                ids: vec![id],
                fingerprints: vec![b""],
                outcomes: vec![b""],
                ..Default::default()
            };
            record.execute(&mut &connection).await?;
            (&connection).batch_execute("ROLLBACK").await?;
            Ok(())
        };
        let late = || DatabaseError::timed_out("a probe did not end in time");
        timeout(PROBE_TIMEOUT, probe).await.map_err(|_| late())?
    }
}

impl Connections {
    /// The connections as they are, with what is missing.
    async fn ready(
        connections: Option<Self>,
        database: &Database,
        is_large: bool,
    ) -> Result<Self, DatabaseError> {
        let mut connections = match connections {
            Some(connections) => connections,
            None => Self { main: connect(database).await?, beside: None },
        };
        if is_large && connections.beside.is_none() {
            let beside = database.pipeline_connection().await?;
            Lookup::prepare(&beside).await?;
            connections.beside = Some(beside);
        }
        Ok(connections)
    }
}

/// Connects and prepares every statement.
async fn connect(database: &Database) -> Result<AsyncPgConnection, DatabaseError> {
    let connection = database.pipeline_connection().await?;
    Lookup::prepare(&connection).await?;
    let mut on = &connection;
    ParkIdentifiers::default().execute(&mut on).await?;
    UpdateLeads::default().execute(&mut on).await?;
    InsertLeads::default().execute(&mut on).await?;
    CountLeads::default().execute(&mut on).await?;
    InsertRecords::default().get_result::<DateTime<Utc>>(&mut on).await?;
    WriteNew::default().execute(&mut on).await?;
    Ok(connection)
}
