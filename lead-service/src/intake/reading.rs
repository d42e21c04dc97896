//! Reading a batch: from messages to units of work.

use std::{collections::HashSet, ops::Range};

use serde_json::value::RawValue;
use shared::{
    bus::{Message, Queue},
    contract::{ErrorBody, Submission, Unreadable, read_submissions},
};
use uuid::Uuid;

use crate::{unit::Unit, writer::MAX_WORKSPACES};

/// Entries that one transaction may hold. Single rows of the same workspace wait for it, at most
/// for one of each worker.
const MAX_ENTRIES: usize = 4_000;

/// A batch, read.
#[derive(Default)]
pub(super) struct Intake<'a> {
    /// Its messages, in their order.
    pub(super) messages: Vec<ReadMessage<'a>>,
    /// The submissions of all of them that can be worked on.
    pub(super) units: Vec<Unit>,
}

/// A message and its submissions, or why it is refused whole.
pub(super) struct ReadMessage<'a> {
    pub(super) message: &'a Message,
    pub(super) content: Result<Vec<ReadSubmission<'a>>, Refusal>,
}

/// A submission as it came, and the place of its unit, or why it cannot be worked on.
pub(super) struct ReadSubmission<'a> {
    pub(super) raw: &'a RawValue,
    pub(super) unit: Result<usize, Unreadable>,
}

/// Why a message becomes a dead letter.
pub(super) enum Refusal {
    /// It has not the contract's shape.
    Unreadable(ErrorBody),
    /// Its reply would go to a queue of ours (contract section 5).
    ForgedReplyTo,
}

impl<'a> Intake<'a> {
    pub(super) fn read(&mut self, message: &'a Message) {
        let content = if message.reply_to.as_deref().is_some_and(Queue::is_own) {
            Err(Refusal::ForgedReplyTo)
        } else {
            match read_submissions(&message.body) {
                Ok(submissions) => {
                    Ok(submissions.into_iter().map(|raw| self.read_submission(raw)).collect())
                }
                Err(error) => Err(Refusal::Unreadable(error)),
            }
        };
        self.messages.push(ReadMessage { message, content });
    }

    fn read_submission(&mut self, raw: &'a RawValue) -> ReadSubmission<'a> {
        let unit = Submission::read(raw).and_then(|submission| {
            let submission_id: Option<Uuid> = Some(submission.id);
            Unit::parse(&submission).map_err(|error| Unreadable { submission_id, error })
        });
        let unit = unit.map(|unit| {
            self.units.push(unit);
            self.units.len() - 1
        });
        ReadSubmission { raw, unit }
    }
}

/// Cuts the units into portions that one transaction can take.
pub(super) fn portions(units: &[Unit]) -> Vec<Range<usize>> {
    let mut portions = Vec::new();
    let (mut start, mut entries, mut workspaces) = (0, 0, HashSet::new());
    for (place, unit) in units.iter().enumerate() {
        workspaces.insert(unit.workspace_id);
        entries += unit.entries.len();
        if place > start && (workspaces.len() > MAX_WORKSPACES || entries > MAX_ENTRIES) {
            portions.push(start..place);
            start = place;
            entries = unit.entries.len();
            workspaces = [unit.workspace_id].into();
        }
    }
    if start < units.len() {
        portions.push(start..units.len());
    }
    portions
}
