//! From what was found to answers and rows to write.

use std::{collections::HashMap, mem};

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use shared::contract::{ErrorBody, ErrorCode};
use uuid::Uuid;

use super::{
    Answer, Answered,
    lookup::{Found, Record},
};
use crate::{
    resolve::{Directory, Lead},
    store::{
        counts::CountLeads,
        records::InsertRecords,
        writes::{InsertLeads, ParkIdentifiers, UpdateLeads},
    },
    unit::Unit,
};

/// The outcomes of a submission, and when they were decided unless that is now.
type Decision = Result<(Box<RawValue>, Option<DateTime<Utc>>), ErrorBody>;

/// A batch, resolved but not yet written.
pub(super) struct Outcomes<'a> {
    units: &'a [Unit],
    answers: Vec<Decision>,
    directories: HashMap<Uuid, Directory>,
    /// Which units are answered for the first time.
    fresh: Vec<usize>,
}

impl<'a> Outcomes<'a> {
    /// Resolves the units in order. One that was answered before, in this batch too, gets the same
    /// answer and changes nothing. A dry run leaves no trace, so it is never the one before.
    pub(super) fn of(units: &'a [Unit], found: &mut Found) -> Self {
        let mut directories = mem::take(&mut found.directories);
        let records = &found.records;
        let mut here = HashMap::with_capacity(units.len());
        let mut answers = Vec::with_capacity(units.len());
        let mut fresh = Vec::with_capacity(units.len());
        for (place, unit) in units.iter().enumerate() {
            let name = (unit.workspace_id, unit.id);
            let answer = if let Some(record) = records.get(&name) {
                same_content(unit, &record.fingerprint).and_then(|()| recorded(unit, record))
            } else if let Some(&first) = here.get(&name) {
                let (first, answer): (&Unit, &Decision) = (&units[first], &answers[first]);
                same_content(unit, &first.fingerprint).and_then(|()| answer.clone())
            } else {
                if !unit.options.dry_run {
                    here.insert(name, place);
                    fresh.push(place);
                }
                resolve(unit, directories.entry(unit.workspace_id).or_default())
            };
            answers.push(answer);
        }
        Self { units, answers, directories, fresh }
    }

    /// The leads that are to be made, with their workspaces.
    pub(super) fn created(&self) -> impl Iterator<Item = (Uuid, &Lead)> {
        self.directories.iter().flat_map(|(workspace_id, directory)| {
            directory.created().map(|lead| (*workspace_id, lead))
        })
    }

    /// The rows to write.
    pub(super) fn writes(&self) -> Writes<'_> {
        let mut writes = Writes::default();
        let Writes { parked, updated, created, counted, records } = &mut writes;
        for (workspace_id, directory) in &self.directories {
            let changes = directory.changes();
            changes.parked.iter().for_each(|lead| parked.push(*workspace_id, lead));
            changes.updated.iter().for_each(|lead| updated.push(*workspace_id, lead));
            changes.created.iter().for_each(|lead| created.push(*workspace_id, lead));
            counted.push(*workspace_id, changes.created.len());
        }
        for &place in &self.fresh {
            let unit = &self.units[place];
            let Ok((outcomes, _)) = &self.answers[place] else { continue };
            records.workspaces.push(unit.workspace_id);
            records.ids.push(unit.id);
            records.fingerprints.push(&unit.fingerprint);
            records.outcomes.push(outcomes.get().as_bytes());
        }
        writes
    }

    /// Whether each answer was decided before, or decides nothing.
    pub(super) fn are_dated(&self) -> bool {
        self.answers.iter().flatten().all(|(_, earlier)| earlier.is_some())
    }

    /// The answers; `now` is when those were decided that are not dated yet.
    pub(super) fn into_answers(self, now: Option<DateTime<Utc>>) -> Vec<Answer> {
        let dated = self.answers.into_iter().map(|decision| {
            let (outcomes, earlier) = decision?;
            let resolved_at = earlier.or(now).ok_or_else(ErrorBody::internal)?;
            Ok(Answered { outcomes, resolved_at })
        });
        dated.collect()
    }
}

/// The rows of a batch, in the order in which they are written.
#[derive(Default)]
pub(super) struct Writes<'a> {
    pub(super) parked: ParkIdentifiers<'a>,
    pub(super) updated: UpdateLeads<'a>,
    pub(super) created: InsertLeads<'a>,
    pub(super) counted: CountLeads<'a>,
    pub(super) records: InsertRecords<'a>,
}

fn resolve(unit: &Unit, directory: &mut Directory) -> Decision {
    let outcomes = directory.apply(unit, Uuid::now_v7);
    let written = serde_json::value::to_raw_value(&outcomes).map_err(|error| {
        tracing::error!(%error, submission_id = %unit.id, "outcomes cannot be written as JSON");
        ErrorBody::internal()
    })?;
    Ok((written, None))
}

/// Refuses a submission whose id stands for other content.
fn same_content(unit: &Unit, fingerprint: &[u8]) -> Result<(), ErrorBody> {
    if unit.fingerprint == fingerprint {
        return Ok(());
    }
    Err(ErrorBody::new(
        ErrorCode::IdempotencyMismatch,
        "A submission with this id was made before, with other content",
    ))
}

fn recorded(unit: &Unit, record: &Record) -> Decision {
    let outcomes = String::from_utf8(record.outcomes.clone())
        .map_err(|error| error.to_string())
        .and_then(|json| RawValue::from_string(json).map_err(|error| error.to_string()));
    let outcomes = outcomes.map_err(|error| {
        let request_id = unit.origin.logged();
        tracing::error!(%error, submission_id = %unit.id, request_id, "a recorded answer is unreadable");
        ErrorBody::internal()
    })?;
    Ok((outcomes, Some(record.resolved_at)))
}
