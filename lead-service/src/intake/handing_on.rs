//! Handing a worked message on: its outcomes to the campaign service, and what could not be worked
//! on to the dead letters, so that nothing is dropped without a trace (contract section 5).

use std::borrow::Cow;

use serde_json::value::RawValue;
use shared::{
    bus::{Bus, BusError, Lane, Message, dead_letter},
    contract::{
        ErrorBody, Options, ResolvedSubmission, ResolvedSubmissions, SubmissionResult,
        SubmissionResults, Unreadable, write_submissions,
    },
    crash,
    origin::Origin,
    traces::{Kind, Spans, TraceContext},
};
use tokio::time::Instant;
use tracing::field::display;
use uuid::Uuid;

use super::reading::{ReadMessage, ReadSubmission, Refusal};
use crate::{unit::Unit, writer::Answer};

/// Hands on one message of a batch whose units got these answers.
pub(super) async fn hand_on(
    lane: Lane,
    bus: &dyn Bus,
    read: &mut ReadMessage<'_>,
    units: &[Unit],
    answers: &[Result<Answer, String>],
    deadline: Instant,
) -> Result<(), BusError> {
    let submissions = match &mut read.content {
        Ok(submissions) => submissions,
        Err(refusal) => return refuse(lane, bus, read.message, refusal, deadline).await,
    };
    let queue = lane.resolved();
    let mut resolved = Vec::with_capacity(submissions.len());
    let mut letters = Letters::default();
    let mut sending = Vec::with_capacity(submissions.len());
    for ReadSubmission { raw, unit, span } in submissions {
        let sent = span.child(Kind::Send { queue: queue.name() });
        let trace = sent.context();
        sending.push(sent);
        resolved.push(match unit {
            Err(unreadable) => {
                let Unreadable { submission_id, origin, error } = unreadable;
                // Told to whoever asked; kept where nobody did.
                if read.message.reply_to.is_none() {
                    letters.add(raw, *submission_id, origin, &error.message);
                }
                failed(*submission_id, origin, trace, error.clone())
            }
            Ok(place) => match (&units[*place], &answers[*place]) {
                (unit, Ok(Ok(answered))) => {
                    log(unit, "resolved a submission");
                    ResolvedSubmission {
                        id: Some(unit.id),
                        workspace_id: unit.workspace_id,
                        campaign_id: unit.campaign_id,
                        request_id: unit.origin.request_id.clone(),
                        traceparent: trace,
                        options: unit.options,
                        refs: Cow::Borrowed(&unit.refs),
                        outcomes: Some(&answered.outcomes),
                        resolved_at: Some(answered.resolved_at),
                        error: None,
                    }
                }
                (unit, Ok(Err(error))) => {
                    log(unit, "refused a submission");
                    span.refused(error);
                    failed(Some(unit.id), &unit.origin, trace, error.clone())
                }
                (unit, Err(reason)) => {
                    let error = ErrorBody::internal();
                    let reason = format!("submission {} failed: {reason}", unit.id);
                    letters.add(raw, Some(unit.id), &unit.origin, &reason);
                    span.refused(&error);
                    failed(Some(unit.id), &unit.origin, trace, error)
                }
            },
        });
    }
    letters.send(lane, bus, read.message, deadline).await?;
    let body = serde_json::to_vec(&ResolvedSubmissions { submissions: resolved })
        .map_err(|error| BusError::Unavailable(error.to_string()))?;
    let message = Message::following(read.message, body);
    Spans::from_iter(sending).around(bus.publish(queue, message, deadline)).await?;
    crash::point("lead-service::confirmed");
    Ok(())
}

/// One line for each submission, for who follows one through the services.
fn log(unit: &Unit, what: &'static str) {
    let request_id = unit.origin.logged();
    let leads = unit.entries.len();
    tracing::debug!(submission_id = %unit.id, request_id, leads, "{what}");
}

fn failed<'a>(
    id: Option<Uuid>,
    origin: &Origin,
    traceparent: Option<TraceContext>,
    error: ErrorBody,
) -> ResolvedSubmission<'a> {
    ResolvedSubmission {
        id,
        workspace_id: Uuid::nil(),
        campaign_id: Uuid::nil(),
        request_id: origin.request_id.clone(),
        traceparent,
        options: Options::default(),
        refs: Cow::default(),
        outcomes: None,
        resolved_at: None,
        error: Some(error),
    }
}

/// The submissions of a message that become a dead letter, without their neighbours.
#[derive(Default)]
struct Letters<'a> {
    submissions: Vec<&'a RawValue>,
    reasons: Vec<String>,
}

impl<'a> Letters<'a> {
    fn add(&mut self, raw: &'a RawValue, id: Option<Uuid>, origin: &Origin, reason: &str) {
        let request_id = origin.logged();
        let submission_id = id.map(display);
        tracing::error!(submission_id, request_id, reason, "a submission becomes a dead letter");
        self.submissions.push(raw);
        self.reasons.push(reason.to_owned());
    }

    async fn send(
        self,
        lane: Lane,
        bus: &dyn Bus,
        source: &Message,
        deadline: Instant,
    ) -> Result<(), BusError> {
        if self.submissions.is_empty() {
            return Ok(());
        }
        let body = write_submissions(&self.submissions);
        let letter = Message { body: body.into(), ..source.clone() };
        let reason = self.reasons.join("; ");
        dead_letter(bus, lane.submitted(), &letter, &reason, deadline).await
    }
}

/// Moves a message to the dead letters and tells its sender, unless its address is forged.
async fn refuse(
    lane: Lane,
    bus: &dyn Bus,
    message: &Message,
    refusal: &Refusal,
    deadline: Instant,
) -> Result<(), BusError> {
    let error = match refusal {
        Refusal::ForgedReplyTo => {
            let reason = "reply_to names a queue of Rollcall's own";
            tracing::warn!(reason, "refused a message");
            return dead_letter(bus, lane.submitted(), message, reason, deadline).await;
        }
        Refusal::Unreadable(error) => error,
    };
    tracing::warn!(%error, "refused a message");
    dead_letter(bus, lane.submitted(), message, &error.message, deadline).await?;
    let results = vec![SubmissionResult::Failed { submission_id: None, error: error.clone() }];
    let body = serde_json::to_vec(&SubmissionResults { results })
        .map_err(|error| BusError::Unavailable(error.to_string()))?;
    bus.reply(message, body.into(), deadline).await
}
