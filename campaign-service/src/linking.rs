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
    origin::Origin,
    pipeline::{self, Stage, hold},
    traces::{Kind, Span, Spans, Tracer},
    worker::isolate,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::field::display;
use uuid::Uuid;

use crate::{
    linker::{Linker, Placed, Unit},
    metrics::LeadMetrics,
};

/// Links what arrives on a lane until stopped. Several may run at once.
pub async fn run(
    lane: Lane,
    bus: SharedBus,
    database: Database,
    tracer: Tracer,
    stop: CancellationToken,
) {
    let (metrics, leads) = (StageMetrics::of("campaign", lane), LeadMetrics::new());
    let linker = Linker::new(database, tracer.clone());
    let linking = Linking { lane, bus: bus.clone(), linker, metrics, tracer, leads };
    pipeline::run(linking, &*bus, lane.resolved(), stop).await;
}

/// From outcomes to results.
struct Linking {
    lane: Lane,
    bus: SharedBus,
    linker: Linker,
    metrics: StageMetrics,
    tracer: Tracer,
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
            contents.push(read(self.lane, &self.tracer, message, &mut units));
        }
        self.metrics.taken(units.iter().map(|unit| unit.outcomes.len()).sum());
        let Some(linked) = isolate(&units, &mut self.linker, stop).await else {
            return Err(BusError::Unavailable("stopped".to_owned()));
        };
        crash::point("campaign-service::committed");
        let stage = &*self;
        hold(&*stage.bus, stop, |deadline| async move {
            let mut answered = Vec::with_capacity(messages.len());
            for (message, content) in messages.iter().zip(&mut contents) {
                answered.push(stage.answer(message, content, &units, &linked, deadline));
            }
            join_all(answered).await.into_iter().collect()
        })
        .await?;
        crash::point("campaign-service::acknowledging");
        Ok(())
    }
}

/// A submission of a message, and the work on it until it is answered.
struct Read {
    /// The place of its unit, or why it failed before.
    content: Result<usize, Failed>,
    span: Span,
}

/// A submission that had failed before it came here.
struct Failed {
    id: Option<Uuid>,
    origin: Origin,
    error: ErrorBody,
}

/// Reads a message, adding its submissions to `units`.
fn read(
    lane: Lane,
    tracer: &Tracer,
    message: &Message,
    units: &mut Vec<Unit>,
) -> Result<Vec<Read>, String> {
    // Only the lead service may publish here, and it publishes no copies.
    if message.is_copy {
        return Err("a copy of a message that was published elsewhere".to_owned());
    }
    let resolved: ResolvedSubmissions<'_> =
        serde_json::from_slice(&message.body).map_err(|error| json_problem(&error))?;
    // All of it is read before any of it counts.
    let read: Vec<_> =
        resolved.submissions.into_iter().map(read_submission).collect::<Result<_, String>>()?;
    let kind = Kind::Process { queue: lane.resolved().name() };
    let read = read.into_iter().map(|submission| match submission {
        Ok(mut unit) => {
            let span =
                tracer.submission(kind, Some(unit.id), &mut unit.origin, unit.outcomes.len());
            units.push(unit);
            Read { content: Ok(units.len() - 1), span }
        }
        Err(mut failed) => {
            let span = tracer.submission(kind, failed.id, &mut failed.origin, 0);
            Read { content: Err(failed), span }
        }
    });
    Ok(read.collect())
}

fn read_submission(submission: ResolvedSubmission<'_>) -> Result<Result<Unit, Failed>, String> {
    let ResolvedSubmission {
        id,
        workspace_id,
        campaign_id,
        request_id,
        traceparent,
        options,
        refs,
        outcomes,
        resolved_at,
        error,
    } = submission;
    let origin = Origin { request_id, trace: traceparent };
    match (id, outcomes, resolved_at, error) {
        (id, _, _, Some(error)) => Ok(Err(Failed { id, origin, error })),
        (Some(id), Some(outcomes), Some(resolved_at), None) => {
            let outcomes =
                serde_json::from_str(outcomes.get()).map_err(|error| json_problem(&error))?;
            let refs = refs.into_owned();
            Ok(Ok(Unit {
                id,
                origin,
                workspace_id,
                campaign_id,
                resolved_at,
                options,
                refs,
                outcomes,
            }))
        }
        _ => Err("a submission has neither outcomes nor an error".to_owned()),
    }
}

/// One line for each submission, for who follows one through the services.
fn log(id: Option<Uuid>, origin: &Origin, what: &'static str) {
    let request_id = origin.logged();
    tracing::debug!(submission_id = id.map(display), request_id, "{what}");
}

impl Linking {
    async fn answer(
        &self,
        message: &Message,
        content: &mut Result<Vec<Read>, String>,
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
        for Read { content, span } in submissions.iter_mut() {
            results.push(match content {
                Err(Failed { id, origin, error }) => {
                    log(*id, origin, "passed on why a submission failed");
                    SubmissionResult::Failed { submission_id: *id, error: error.clone() }
                }
                Ok(place) => {
                    let unit = &units[*place];
                    let failed =
                        |error| SubmissionResult::Failed { submission_id: Some(unit.id), error };
                    match &linked[*place] {
                        Ok(Ok(placement)) => {
                            log(Some(unit.id), &unit.origin, "linked a submission");
                            results::of(unit, placement)
                        }
                        Ok(Err(error)) => {
                            log(Some(unit.id), &unit.origin, "refused a submission");
                            span.refused(error);
                            failed(error.clone())
                        }
                        Err(reason) => {
                            let reason = format!("submission {} failed: {reason}", unit.id);
                            let request_id = unit.origin.logged();
                            let submission_id = display(unit.id);
                            tracing::error!(
                                submission_id,
                                request_id,
                                reason,
                                "a submission becomes a dead letter"
                            );
                            dead_letter(bus, source, message, &reason, deadline).await?;
                            let error = ErrorBody::internal();
                            span.refused(&error);
                            failed(error)
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
        let sending = submissions.iter().map(|read| read.span.child(Kind::Send { queue: "reply" }));
        Spans::from_iter(sending).around(bus.reply(message, reply.into(), deadline)).await?;
        crash::point("campaign-service::confirmed");
        Ok(())
    }
}
