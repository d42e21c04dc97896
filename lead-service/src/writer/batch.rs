//! One batch on its way through a transaction, by whichever way promises the least work.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::{join, try_join};
use shared::{
    database::is_refuted,
    traces::{Kind, Spans, Tracer},
};
use uuid::Uuid;

use super::{
    Answer,
    lookup::{Extent, Found, Lookup},
    outcome::{Outcomes, Writes},
    presumption::{self, Truths},
};
use crate::{
    store::{lock_key, writes::WriteNew},
    unit::Unit,
};

/// What came of a transaction.
pub(super) struct Written {
    pub(super) answers: Vec<Answer>,
    pub(super) truths: Truths,
}

/// A batch that is resolved, in a transaction that has begun.
struct Resolved<'a> {
    outcomes: Outcomes<'a>,
    truths: Truths,
}

/// A batch on its way through a transaction.
pub(super) struct Batch<'a> {
    pub(super) on: &'a AsyncPgConnection,
    /// Where there is one, half of what is looked up is looked up here.
    pub(super) beside: Option<&'a AsyncPgConnection>,
    pub(super) units: &'a [Unit],
    pub(super) tracer: &'a Tracer,
}

impl<'a> Batch<'a> {
    /// Carries it out: begins, locks, looks up, resolves, and writes. At first, leads are looked up by phones
    /// alone, where these are presumed to tell all.
    pub(super) async fn write(&self, phones_tell: bool) -> QueryResult<Written> {
        let begin = begin(self.units);
        let mut to_begin = Some(begin.as_str());
        if phones_tell {
            let resolved = self.resolve(to_begin, Extent::PhonesFirst).await?;
            if resolved.truths.phones_tell {
                let written = self.commit(resolved).await;
                if !is_refuted(&written) {
                    return written;
                }
            } else {
                // Nothing is written yet, and the locks are held.
                to_begin = None;
            }
        }
        self.commit(self.resolve(to_begin, Extent::Full).await?).await
    }

    /// Carries it out as if nothing were there that has to do with it; `None` where that is not so, or
    /// would not show.
    pub(super) async fn write_unseen(&self) -> QueryResult<Option<Written>> {
        let Some(named) = presumption::named(self.units) else { return Ok(None) };
        let outcomes = Outcomes::of(self.units, &mut Found::default());
        if !presumption::are_new(&named, outcomes.created()) {
            return Ok(None);
        }
        let Writes { created, counted, records, parked: _, updated: _ } = outcomes.writes();
        let (locks, workspaces) = (lock_keys(self.units), workspaces(self.units));
        let write = WriteNew { locks, workspaces, created, counted, records };
        let mut on = self.on;
        let written = self.spans("INSERT").around(write.get_result(&mut on)).await;
        if is_refuted(&written) {
            return Ok(None);
        }
        let answers = outcomes.into_answers(Some(written?));
        Ok(Some(Written { answers, truths: Truths { all_new: true, phones_tell: true } }))
    }

    /// Looks up and resolves; begins before, unless that has been done.
    async fn resolve(&self, begin: Option<&str>, extent: Extent) -> QueryResult<Resolved<'a>> {
        let mut found = self.spans("SELECT").around(self.look_up(begin, extent)).await?;
        let all_new = found.is_empty();
        let unknown = (!found.by_email).then(|| presumption::emails_unknown(self.units, &found));
        let outcomes = Outcomes::of(self.units, &mut found);
        let phones_tell =
            unknown.is_some_and(|unknown| presumption::are_new(&unknown, outcomes.created()));
        Ok(Resolved { outcomes, truths: Truths { all_new, phones_tell } })
    }

    async fn look_up(&self, begin: Option<&str>, extent: Extent) -> QueryResult<Found> {
        let lookup = Lookup::of(self.units, extent, self.beside.is_some());
        let Some(begin) = begin else { return lookup.run(self.on, self.beside).await };
        // What is looked up must see what the lock's last holder committed. A simple query, prepared by
        // nobody, always goes out first.
        let mut begun = self.on;
        let begun = begun.batch_execute(begin);
        if self.beside.is_some() {
            begun.await?;
            return lookup.run(self.on, self.beside).await;
        }
        let ((), found) = try_join!(begun, lookup.run(self.on, None))?;
        Ok(found)
    }

    /// Writes and commits.
    async fn commit(&self, resolved: Resolved<'a>) -> QueryResult<Written> {
        let Resolved { outcomes, truths } = resolved;
        let now = self.spans("COMMIT").around(write(self.on, &outcomes)).await?;
        Ok(Written { answers: outcomes.into_answers(now), truths })
    }

    /// Begins spans for a part of the transaction, each in the trace of a submission.
    fn spans(&self, operation: &'static str) -> Spans {
        let traces = self.units.iter().map(|unit| unit.origin.trace);
        self.tracer.spans(Kind::Sql { operation, table: "lead.leads" }, traces)
    }
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

/// Begins, and makes this the one transaction that writes to these workspaces.
pub(super) fn begin(units: &[Unit]) -> String {
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
pub(super) fn workspaces(units: &[Unit]) -> Vec<Uuid> {
    let mut workspaces: Vec<_> = units.iter().map(|unit| unit.workspace_id).collect();
    workspaces.sort_unstable();
    workspaces.dedup();
    workspaces
}
