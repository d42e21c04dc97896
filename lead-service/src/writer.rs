//! One batch, one transaction: lock, look up, resolve, write, commit, in two round trips. One more where a
//! large batch is looked up on two connections at once, and one where contacts are suppressed. While batches
//! hold nothing but new leads, leads are not looked up at all: see [`presumption`].
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
    database::{Database, DatabaseError},
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
        writes::{InsertLeads, ParkIdentifiers, UpdateLeads},
    },
    unit::Unit,
};
use lookup::Lookup;
use outcome::{Outcomes, Writes};
use presumption::Presumption;

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
        let beside = connections.beside.as_ref().filter(|_| is_large);
        let written = async {
            let presumed = self.presumption.holds();
            let transaction =
                |presumed| transaction(&connections.main, beside, units, presumed, &self.tracer);
            let written = transaction(presumed).await;
            if presumed && presumption::is_refuted(&written) {
                return transaction(false).await;
            }
            written
        };
        match timeout(TRANSACTION_TIMEOUT, written).await {
            Ok(Ok(Written { answers, met_leads })) => {
                self.presumption.learn(met_leads);
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
    Ok(connection)
}

/// What came of a transaction.
struct Written {
    answers: Vec<Answer>,
    /// Whether an entry could name a lead that was there before.
    met_leads: bool,
}

/// Carries out a batch, see [`resolve`] and [`write`].
async fn transaction(
    on: &AsyncPgConnection,
    beside: Option<&AsyncPgConnection>,
    units: &[Unit],
    presumed: bool,
    tracer: &Tracer,
) -> QueryResult<Written> {
    let resolved = resolve(on, beside, units, presumed);
    let (outcomes, met_leads) = spans(tracer, "SELECT", units).around(resolved).await?;
    let now = spans(tracer, "COMMIT", units).around(write(on, &outcomes)).await?;
    Ok(Written { answers: outcomes.into_answers(now), met_leads })
}

/// Begins, locks, looks up and resolves; says too whether there were leads that the entries could name.
/// Where the batch is `presumed` to hold new leads only, leads are not looked up unless the entries
/// make that necessary; if the presumption is wrong, writing violates a unique index.
async fn resolve<'a>(
    on: &AsyncPgConnection,
    beside: Option<&AsyncPgConnection>,
    units: &'a [Unit],
    presumed: bool,
) -> QueryResult<(Outcomes<'a>, bool)> {
    let begin = begin(units);
    let lookup = Lookup::of(units);
    let mut begun = on;
    let begun = begun.batch_execute(&begin);
    // What is looked up must see what the lock's last holder committed. A simple query, prepared by
    // nobody, always goes out first.
    let mut found = match beside {
        _ if presumed => try_join!(begun, lookup.submissions(on))?.1,
        None => try_join!(begun, lookup.run(on, None))?.1,
        Some(_) => {
            begun.await?;
            lookup.run(on, beside).await?
        }
    };
    // Who is suppressed may also be a lead that no entry names.
    let is_open = presumed && found.suppressing.is_empty();
    if presumed && !is_open {
        lookup.leads(on, beside, &mut found).await?;
    }
    let mut met_leads = !found.directories.is_empty();
    let mut outcomes = Outcomes::of(units, &mut found);
    if is_open && !lookup.names_only(outcomes.created()) {
        lookup.leads(on, beside, &mut found).await?;
        met_leads = !found.directories.is_empty();
        outcomes = Outcomes::of(units, &mut found);
    }
    Ok((outcomes, met_leads))
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

/// Begins, and makes this the one transaction that writes to these workspaces. In sorted order, so
/// that two such transactions cannot wait for each other.
fn begin(units: &[Unit]) -> String {
    let mut keys: Vec<i64> = units.iter().map(|unit| lock_key(unit.workspace_id)).collect();
    keys.sort_unstable();
    keys.dedup();
    let keys: Vec<String> = keys.iter().map(i64::to_string).collect();
    format!(
        "BEGIN; SELECT pg_advisory_xact_lock(key) FROM unnest('{{{}}}'::bigint[]) AS key",
        keys.join(",")
    )
}
