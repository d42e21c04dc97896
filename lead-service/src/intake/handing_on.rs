//! Handing a worked message on: its outcomes to the campaign service, and what could not be worked
//! on to the dead letters, so that nothing is dropped without a trace (contract section 5).

use std::borrow::Cow;

use serde_json::value::RawValue;
use shared::{
    bus::{Bus, BusError, Lane, Message, dead_letter},
    contract::{
        ErrorBody, Options, ResolvedSubmission, ResolvedSubmissions, SubmissionResult,
        SubmissionResults, write_submissions,
    },
    crash,
};
use tokio::time::Instant;
use uuid::Uuid;

use super::reading::{ReadMessage, ReadSubmission, Refusal};
use crate::{unit::Unit, writer::Answer};

/// Hands on one message of a batch whose units got these answers.
pub(super) async fn hand_on(
    lane: Lane,
    bus: &dyn Bus,
    read: &ReadMessage<'_>,
    units: &[Unit],
    answers: &[Result<Answer, String>],
    deadline: Instant,
) -> Result<(), BusError> {
    let submissions = match &read.content {
        Ok(submissions) => submissions,
        Err(refusal) => return refuse(lane, bus, read.message, refusal, deadline).await,
    };
    let mut resolved = Vec::with_capacity(submissions.len());
    let mut letters = Letters::default();
    for ReadSubmission { raw, unit } in submissions {
        resolved.push(match unit {
            Err(unreadable) => {
                // Told to whoever asked; kept where nobody did.
                if read.message.reply_to.is_none() {
                    letters.add(raw, &unreadable.error.message);
                }
                failed(unreadable.submission_id, unreadable.error.clone())
            }
            Ok(place) => match (&units[*place], &answers[*place]) {
                (unit, Ok(Ok(answered))) => ResolvedSubmission {
                    id: Some(unit.id),
                    workspace_id: unit.workspace_id,
                    campaign_id: unit.campaign_id,
                    options: unit.options,
                    refs: Cow::Borrowed(&unit.refs),
                    outcomes: Some(&answered.outcomes),
                    resolved_at: Some(answered.resolved_at),
                    error: None,
                },
                (unit, Ok(Err(error))) => failed(Some(unit.id), error.clone()),
                (unit, Err(reason)) => {
                    letters.add(raw, &format!("submission {} failed: {reason}", unit.id));
                    failed(Some(unit.id), ErrorBody::internal())
                }
            },
        });
    }
    letters.send(lane, bus, read.message, deadline).await?;
    let body = serde_json::to_vec(&ResolvedSubmissions { submissions: resolved })
        .map_err(|error| BusError::Unavailable(error.to_string()))?;
    let message = Message::following(read.message, body);
    bus.publish(lane.resolved(), message, deadline).await?;
    crash::point("lead-service::confirmed");
    Ok(())
}

fn failed<'a>(id: Option<Uuid>, error: ErrorBody) -> ResolvedSubmission<'a> {
    ResolvedSubmission {
        id,
        workspace_id: Uuid::nil(),
        campaign_id: Uuid::nil(),
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
    fn add(&mut self, raw: &'a RawValue, reason: &str) {
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
        tracing::error!(%reason, "submissions became dead letters");
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
