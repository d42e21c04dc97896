//! One batch, one transaction: lock, look up, resolve, write, commit, in two round trips. One more where a
//! large batch is looked up on two connections at once, and one where contacts are suppressed. While nothing
//! is found in any batch, there is no looking up, and one statement does it all: see [`presumption`].
//!
//! The connections are the writer's own, so that statements can be sent one behind the other without
//! waiting for answers. That keeps their order only once they are prepared, which a new connection
//! therefore does first.

mod lookup;
mod outcome;
mod presumption;
mod suppressed;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::{join, try_join};
use serde_json::value::RawValue;
use shared::{
    contract::ErrorBody,
    database::{Database, DatabaseError, Presumption, is_refuted},
    traces::{Kind, Spans, Tracer},
    worker::Work,
};
use tokio::time::timeout;
use uuid::Uuid;

use crate::{
    store::{
        counts::CountLeads,
        lock_key,
        records::InsertRecords,
        writes::{InsertLeads, ParkIdentifiers, UpdateLeads, WriteNew},
    },
    unit::Unit,
};
use lookup::{Found, Lookup};
use outcome::{Outcomes, Writes};

/// Workspaces that one transaction may lock: PostgreSQL's lock table is finite, by default 64
/// entries for each connection (<https://www.postgresql.org/docs/15/runtime-config-locks.html>).
pub const MAX_WORKSPACES: usize = 256;

/// Entries from which on a batch is looked up on two connections at once: all that the workspace's
/// next writer waits for is the time between the lock and the commit.
const LOOK_UP_IN_TWO: usize = 200;

/// The client's own deadline for a transaction, above the server's for each statement.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(30);

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
    presumption: Presumption,
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
        Self { database, tracer, connections: None, presumption: Presumption::default() }
    }

    /// Presumes that a batch holds new leads only after as many batches that did.
    pub fn presuming_after(self, batches: u32) -> Self {
        Self { presumption: Presumption::after(batches), ..self }
    }

    /// Tells a failure that lies in the data from one of the database: where a transaction without
    /// data fails too, on a connection of its own, the data is not to blame.
    async fn blame(&self, units: &[Unit], reason: String) -> Result<Vec<Answer>, DatabaseError> {
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
            Ok::<(), DatabaseError>(())
        };
        match timeout(TRANSACTION_TIMEOUT, probe).await {
            Ok(Ok(())) => Err(DatabaseError::Failed(reason)),
            Ok(Err(_)) | Err(_) => Err(DatabaseError::Unavailable(reason)),
        }
    }
}

#[async_trait]
impl Work<Unit> for Writer {
    type Done = Answer;

    /// Resolves submissions, as if each were the only one, in order, in one transaction. Where the
    /// connection is lost while committing, a repetition finds what was recorded.
    async fn work(&mut self, units: &[Unit]) -> Result<Vec<Answer>, DatabaseError> {
        let entries: usize = units.iter().map(|unit| unit.entries.len()).sum();
        let is_large = entries >= LOOK_UP_IN_TWO;
        // No data has been sent yet, so none is to blame.
        let connections = Connections::ready(self.connections.take(), &self.database, is_large)
            .await
            .map_err(|error| DatabaseError::Unavailable(error.to_string()))?;
        let Connections { main, beside } = &connections;
        let beside = beside.as_ref().filter(|_| is_large);
        let written = async {
            if self.presumption.holds()
                && let Some(written) = presume(main, units, &self.tracer).await?
            {
                return Ok(written);
            }
            transaction(main, beside, units, &self.tracer).await
        };
        match timeout(TRANSACTION_TIMEOUT, written).await {
            Ok(Ok(Written { answers, is_all_new })) => {
                self.presumption.learn(is_all_new);
                self.connections = Some(connections);
                return Ok(answers);
            }
            Ok(Err(error)) => match DatabaseError::from(error) {
                DatabaseError::Failed(reason) => self.blame(units, reason).await,
                unavailable => Err(unavailable),
            },
            Err(_) => Err(DatabaseError::unavailable("a transaction took too long")),
        }
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

/// Connects and prepares every statement of [`transaction`].
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

/// What came of a transaction.
struct Written {
    answers: Vec<Answer>,
    /// Whether nothing was found: no lead that the entries could name, no earlier answer, nobody suppressed.
    is_all_new: bool,
}

/// Carries out a batch: looks up, resolves and writes.
async fn transaction(
    on: &AsyncPgConnection,
    beside: Option<&AsyncPgConnection>,
    units: &[Unit],
    tracer: &Tracer,
) -> QueryResult<Written> {
    let found = spans(tracer, "SELECT", units).around(look_up(on, beside, units));
    let mut found = found.await?;
    let is_all_new = found.is_empty();
    let outcomes = Outcomes::of(units, &mut found);
    let now = spans(tracer, "COMMIT", units).around(write(on, &outcomes)).await?;
    Ok(Written { answers: outcomes.into_answers(now), is_all_new })
}

/// Carries out a batch as if nothing were there that has to do with it; `None` where that is not so, or
/// would not show.
async fn presume(
    mut on: &AsyncPgConnection,
    units: &[Unit],
    tracer: &Tracer,
) -> QueryResult<Option<Written>> {
    let outcomes = Outcomes::of(units, &mut Found::default());
    if !presumption::is_guarded(units, outcomes.created()) {
        return Ok(None);
    }
    let Writes { created, counted, records, parked: _, updated: _ } = outcomes.writes();
    let (locks, workspaces) = (lock_keys(units), workspaces(units));
    let write = WriteNew { locks, workspaces, created, counted, records };
    let written = spans(tracer, "INSERT", units).around(write.get_result(&mut on)).await;
    if is_refuted(&written) {
        return Ok(None);
    }
    let now = Some(written?);
    Ok(Some(Written { answers: outcomes.into_answers(now), is_all_new: true }))
}

/// Begins, locks and looks up.
async fn look_up(
    on: &AsyncPgConnection,
    beside: Option<&AsyncPgConnection>,
    units: &[Unit],
) -> QueryResult<Found> {
    let begin = begin(units);
    let lookup = Lookup::of(units);
    // What is looked up must see what the lock's last holder committed. A simple query, prepared by
    // nobody, always goes out first.
    let mut begun = on;
    let begun = begun.batch_execute(&begin);
    if beside.is_some() {
        begun.await?;
        return lookup.run(on, beside).await;
    }
    let ((), found) = try_join!(begun, lookup.run(on, None))?;
    Ok(found)
}

/// Writes and commits; says when that was, unless nothing had to be dated.
async fn write(
    mut on: &AsyncPgConnection,
    outcomes: &Outcomes<'_>,
) -> QueryResult<Option<DateTime<Utc>>> {
    let Writes { parked, updated, created, counted, records } = outcomes.writes();
    if !parked.ids.is_empty() {
        parked.execute(&mut on).await?;
    }
    let (mut first, mut second, mut third, mut fourth, mut last) = (on, on, on, on, on);
    // All are awaited, so that after a failure the last one has ended the transaction.
    let (updated, created, counted, now, committed) = join!(
        async { if updated.ids.is_empty() { Ok(0) } else { updated.execute(&mut first).await } },
        async { if created.ids.is_empty() { Ok(0) } else { created.execute(&mut second).await } },
        async {
            if counted.workspaces.is_empty() { Ok(0) } else { counted.execute(&mut third).await }
        },
        async {
            if outcomes.are_dated() {
                Ok(None)
            } else {
                records.get_result(&mut fourth).await.map(Some)
            }
        },
        last.batch_execute("COMMIT"),
    );
    // In the order in which they were sent: what follows a failure only fails because of it, and
    // COMMIT does not even say so.
    updated?;
    created?;
    counted?;
    let now = now?;
    committed?;
    Ok(now)
}

/// Begins spans for a part of the transaction, each in the trace of a submission.
fn spans(tracer: &Tracer, operation: &'static str, units: &[Unit]) -> Spans {
    let traces = units.iter().map(|unit| unit.origin.trace);
    tracer.spans(Kind::Sql { operation, table: "lead.leads" }, traces)
}

/// Begins, and makes this the one transaction that writes to these workspaces.
fn begin(units: &[Unit]) -> String {
    let keys: Vec<String> = lock_keys(units).iter().map(i64::to_string).collect();
    format!(
        "BEGIN; SELECT pg_advisory_xact_lock(key) FROM unnest('{{{}}}'::bigint[]) AS key",
        keys.join(",")
    )
}

/// The locks of the units' workspaces, each once; in sorted order, so that two transactions cannot wait
/// for each other.
fn lock_keys(units: &[Unit]) -> Vec<i64> {
    let mut keys: Vec<i64> = workspaces(units).into_iter().map(lock_key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The units' workspaces, each once.
fn workspaces(units: &[Unit]) -> Vec<Uuid> {
    let mut workspaces: Vec<_> = units.iter().map(|unit| unit.workspace_id).collect();
    workspaces.sort_unstable();
    workspaces.dedup();
    workspaces
}
