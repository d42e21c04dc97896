//! Reading a batch: from messages to units of work, each with a span of its own.

use std::{collections::HashSet, ops::Range};

use serde_json::value::RawValue;
use shared::{
    bus::{Lane, Message, Queue},
    contract::{ErrorBody, Submission, Unreadable, read_submissions},
    origin::Origin,
    traces::{Kind, Span, Tracer},
};
use tokio::task::yield_now;

use crate::{unit::Unit, writer::MAX_WORKSPACES};

/// Entries that one transaction may hold. Single rows of the same workspace wait for it, at most
/// for one of each worker.
const MAX_ENTRIES: usize = 4_000;

/// Bytes of a submission from which on reading it takes a millisecond or more.
const LARGE: usize = 16 << 10;

/// A batch, read.
pub(super) struct Intake<'a> {
    kind: Kind,
    tracer: &'a Tracer,
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
    /// The work on it, until it is handed on.
    pub(super) span: Span,
}

/// Why a message becomes a dead letter.
pub(super) enum Refusal {
    /// It has not the contract's shape.
    Unreadable(ErrorBody),
    /// Its reply would go to a queue of ours (contract section 5).
    ForgedReplyTo,
}

impl<'a> Intake<'a> {
    /// A batch of this lane, still empty.
    pub(super) fn of(lane: Lane, tracer: &'a Tracer) -> Self {
        let kind = Kind::Process { queue: lane.submitted().name() };
        Self { kind, tracer, messages: Vec::new(), units: Vec::new() }
    }

    /// Reads a message. Gives way to the other lanes after each large submission.
    pub(super) async fn read(&mut self, message: &'a Message) {
        let content = self.read_content(message).await;
        self.messages.push(ReadMessage { message, content });
    }

    async fn read_content(
        &mut self,
        message: &'a Message,
    ) -> Result<Vec<ReadSubmission<'a>>, Refusal> {
        if message.reply_to.as_deref().is_some_and(Queue::is_own) {
            return Err(Refusal::ForgedReplyTo);
        }
        let submissions = read_submissions(&message.body).map_err(Refusal::Unreadable)?;
        let around = Origin::of(message);
        let mut read = Vec::with_capacity(submissions.len());
        for raw in submissions {
            read.push(self.read_submission(raw, &around));
            if raw.get().len() > LARGE {
                yield_now().await;
            }
        }
        Ok(read)
    }

    /// Reads a submission of a message; `around` is where the message comes from.
    fn read_submission(&mut self, raw: &'a RawValue, around: &Origin) -> ReadSubmission<'a> {
        let unit = Submission::read(raw).and_then(|submission| {
            Unit::parse(&submission).map_err(|error| submission.unreadable(error))
        });
        let begin = |id, origin: &mut Origin, leads| {
            *origin = std::mem::take(origin).or(around);
            self.tracer.submission(self.kind, id, origin, leads)
        };
        match unit {
            Ok(mut unit) => {
                let span = begin(Some(unit.id), &mut unit.origin, unit.entries.len());
                self.units.push(unit);
                ReadSubmission { raw, unit: Ok(self.units.len() - 1), span }
            }
            Err(mut unreadable) => {
                let span = begin(unreadable.submission_id, &mut unreadable.origin, 0);
                ReadSubmission { raw, unit: Err(unreadable), span }
            }
        }
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
