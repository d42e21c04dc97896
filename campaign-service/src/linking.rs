//! The pipeline's second half: from `leads.resolved` to the caller's reply.

mod results;

use async_trait::async_trait;
use futures_util::future::join_all;
use shared::{
    bus::{BusError, Lane, Message, Queue, SharedBus, dead_letter},
    contract::{
        ErrorBody, ResolvedSubmission, ResolvedSubmissions, SubmissionResult, SubmissionResults,
        json_problem,
    },
    crash,
    database::Database,
    metrics::StageMetrics,
    pipeline::{self, Stage, hold},
    worker::isolate,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    linker::{Linker, Placed, Unit},
    metrics::LeadMetrics,
};

/// Links what arrives on a lane until stopped. Several may run at once.
pub async fn run(lane: Lane, bus: SharedBus, database: Database, stop: CancellationToken) {
    let (metrics, leads) = (StageMetrics::of("campaign", lane), LeadMetrics::new());
    let linker = Linker::new(database);
    let linking = Linking { lane, bus: bus.clone(), linker, metrics, leads };
    pipeline::run(linking, &*bus, lane.resolved(), stop).await;
}

/// From outcomes to results.
struct Linking {
    lane: Lane,
    bus: SharedBus,
    linker: Linker,
    metrics: StageMetrics,
    leads: LeadMetrics,
}

#[async_trait]
impl Stage for Linking {
    fn metrics(&self) -> &StageMetrics {
        &self.metrics
    }

    /// A repetition finds the marks of the first time and replies the same.
    async fn handle(
        &mut self,
        messages: &[Message],
        stop: &CancellationToken,
    ) -> Result<(), BusError> {
        let mut units = Vec::new();
        let mut contents = Vec::with_capacity(messages.len());
        for message in messages {
            contents.push(read(message, &mut units));
        }
        self.metrics.taken(units.iter().map(|unit| unit.outcomes.len()).sum());
        let Some(linked) = isolate(&units, &mut self.linker, stop).await else {
            return Err(BusError::Unavailable("stopped".to_owned()));
        };
        crash::point("campaign-service::committed");
        let stage = &*self;
        hold(stop, |deadline| async move {
            let mut answered = Vec::with_capacity(messages.len());
            for (message, content) in messages.iter().zip(&contents) {
                answered.push(stage.answer(message, content, &units, &linked, deadline));
            }
            join_all(answered).await.into_iter().collect()
        })
        .await?;
        crash::point("campaign-service::acknowledging");
        Ok(())
    }
}

/// A submission of a message: the place of its unit, or why it failed before.
enum Read {
    Unit(usize),
    Failed(Option<Uuid>, ErrorBody),
}

/// Reads a message, adding its submissions to `units`.
fn read(message: &Message, units: &mut Vec<Unit>) -> Result<Vec<Read>, String> {
    // Only the lead service may publish here, and it publishes no copies.
    if message.is_copy {
        return Err("a copy of a message that was published elsewhere".to_owned());
    }
    let resolved: ResolvedSubmissions<'_> =
        serde_json::from_slice(&message.body).map_err(|error| json_problem(&error))?;
    // All of it is read before any of it counts.
    let read: Vec<_> =
        resolved.submissions.into_iter().map(read_submission).collect::<Result<_, String>>()?;
    Ok(read
        .into_iter()
        .map(|submission| match submission {
            Ok(unit) => {
                units.push(unit);
                Read::Unit(units.len() - 1)
            }
            Err((id, error)) => Read::Failed(id, error),
        })
        .collect())
}

fn read_submission(
    submission: ResolvedSubmission<'_>,
) -> Result<Result<Unit, (Option<Uuid>, ErrorBody)>, String> {
    let ResolvedSubmission {
        id,
        workspace_id,
        campaign_id,
        options,
        refs,
        outcomes,
        resolved_at,
        error,
    } = submission;
    match (id, outcomes, resolved_at, error) {
        (id, _, _, Some(error)) => Ok(Err((id, error))),
        (Some(id), Some(outcomes), Some(resolved_at), None) => {
            let outcomes =
                serde_json::from_str(outcomes.get()).map_err(|error| json_problem(&error))?;
            let refs = refs.into_owned();
            Ok(Ok(Unit { id, workspace_id, campaign_id, resolved_at, options, refs, outcomes }))
        }
        _ => Err("a submission has neither outcomes nor an error".to_owned()),
    }
}

impl Linking {
    async fn answer(
        &self,
        message: &Message,
        content: &Result<Vec<Read>, String>,
        units: &[Unit],
        linked: &[Result<Placed, String>],
        deadline: Instant,
    ) -> Result<(), BusError> {
        let (bus, source) = (&*self.bus, self.lane.resolved());
        let submissions = match content {
            Ok(submissions) => submissions,
            Err(reason) => {
                tracing::error!(%reason, "unreadable message");
                return dead_letter(bus, source, message, reason, deadline).await;
            }
        };
        let mut results = Vec::with_capacity(submissions.len());
        for submission in submissions {
            results.push(match submission {
                Read::Failed(id, error) => {
                    SubmissionResult::Failed { submission_id: *id, error: error.clone() }
                }
                Read::Unit(place) => {
                    let unit = &units[*place];
                    let failed =
                        |error| SubmissionResult::Failed { submission_id: Some(unit.id), error };
                    match &linked[*place] {
                        Ok(Ok(placement)) => results::of(unit, placement),
                        Ok(Err(error)) => failed(error.clone()),
                        Err(reason) => {
                            let reason = format!("submission {} failed: {reason}", unit.id);
                            dead_letter(bus, source, message, &reason, deadline).await?;
                            failed(ErrorBody::internal())
                        }
                    }
                }
            });
        }
        results.iter().for_each(|result| self.leads.answered(result));
        // The address was checked where the message came in; whoever can write to this queue by another
        // way must not make us write to our own.
        if message.reply_to.as_deref().is_none_or(Queue::is_own) {
            return Ok(());
        }
        let reply = serde_json::to_vec(&SubmissionResults { results })
            .map_err(|error| BusError::Unavailable(error.to_string()))?;
        bus.reply(message, reply.into(), deadline).await?;
        crash::point("campaign-service::confirmed");
        Ok(())
    }
}
