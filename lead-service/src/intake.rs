//! The pipeline's first half: from `leads.submitted` to `leads.resolved`.

mod handing_on;
mod reading;

use async_trait::async_trait;
use futures_util::future::join_all;
use shared::{
    bus::{BusError, Lane, Message, SharedBus},
    crash,
    database::Database,
    metrics::StageMetrics,
    pipeline::{self, Stage, hold},
    traces::Tracer,
    worker::isolate,
};
use tokio_util::sync::CancellationToken;

use crate::writer::Writer;
use handing_on::hand_on;
use reading::{Intake, portions};

/// Works on the submissions of a lane until stopped. Several may run at once.
pub async fn run(
    lane: Lane,
    bus: SharedBus,
    database: Database,
    tracer: Tracer,
    stop: CancellationToken,
) {
    let (writer, metrics) = (Writer::new(database, tracer.clone()), StageMetrics::of("lead", lane));
    let resolving = Resolving { lane, bus: bus.clone(), writer, tracer, metrics };
    pipeline::run(resolving, &*bus, lane.submitted(), stop).await;
}

/// From submissions to outcomes.
struct Resolving {
    lane: Lane,
    bus: SharedBus,
    writer: Writer,
    tracer: Tracer,
    metrics: StageMetrics,
}

#[async_trait]
impl Stage for Resolving {
    fn metrics(&self) -> &StageMetrics {
        &self.metrics
    }

    /// What was committed before the batch had to be given back is recorded, and the repetition
    /// hands on the same.
    async fn handle(
        &mut self,
        messages: &[Message],
        stop: &CancellationToken,
    ) -> Result<(), BusError> {
        let mut intake = Intake::of(self.lane, &self.tracer);
        for message in messages {
            intake.read(message).await;
        }
        let mut answers = Vec::with_capacity(intake.units.len());
        for range in portions(&intake.units) {
            let portion = &intake.units[range];
            self.metrics.taken(portion.iter().map(|unit| unit.entries.len()).sum());
            let Some(answered) = isolate(portion, &mut self.writer, stop).await else {
                return Err(BusError::Unavailable("stopped".to_owned()));
            };
            answers.extend(answered);
        }
        crash::point("lead-service::committed");
        let (lane, bus) = (self.lane, &*self.bus);
        let Intake { messages, units, .. } = &mut intake;
        hold(bus, stop, |deadline| async move {
            let mut handed_on = Vec::with_capacity(messages.len());
            for read in messages {
                handed_on.push(hand_on(lane, bus, read, units, &answers, deadline));
            }
            join_all(handed_on).await.into_iter().collect()
        })
        .await?;
        crash::point("lead-service::acknowledging");
        Ok(())
    }
}
