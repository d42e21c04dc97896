//! The pipeline's first half: from `leads.submitted` to `leads.resolved`.

mod handing_on;
mod reading;

use futures_util::future::join_all;
use shared::{
    bus::{Batch, BatchLimit, Bus, BusError, Lane, SharedBus},
    crash,
    database::Database,
    metrics::StageMetrics,
    traces::Tracer,
    worker::isolate,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::writer::Writer;
use handing_on::hand_on;
use reading::{Intake, portions};

/// What one batch may hold: enough to spread a commit over thousands of leads, little enough that
/// a batch stays a matter of some hundred milliseconds.
const LIMIT: BatchLimit = BatchLimit { messages: 500, bytes: 1 << 20 };

/// Works on the submissions of a lane until stopped. Several may run at once.
pub async fn run(
    lane: Lane,
    bus: SharedBus,
    database: Database,
    tracer: Tracer,
    stop: CancellationToken,
) {
    let mut subscription = bus.subscribe(lane.submitted(), LIMIT);
    let mut writer = Writer::new(database, tracer.clone());
    let stage = StageMetrics::of("lead", lane);
    loop {
        let batch = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            batch = subscription.next_batch() => batch,
        };
        let begun = Instant::now();
        match handle(lane, &*bus, &mut writer, &tracer, &stop, &stage, batch).await {
            Ok(()) => stage.done(begun),
            Err(error) => tracing::warn!(%error, "a batch will be delivered again"),
        }
    }
}

/// Commit, then hand on and await the confirms, then acknowledge. A batch that cannot be finished
/// is dropped on the way, and so delivered again; what was committed by then is recorded, and the
/// repetition hands on the same.
async fn handle(
    lane: Lane,
    bus: &dyn Bus,
    writer: &mut Writer,
    tracer: &Tracer,
    stop: &CancellationToken,
    stage: &StageMetrics,
    batch: Batch<'_>,
) -> Result<(), BusError> {
    let mut intake = Intake::of(lane, tracer);
    for message in batch.messages() {
        intake.read(message);
    }
    let mut answers = Vec::with_capacity(intake.units.len());
    for range in portions(&intake.units) {
        let portion = &intake.units[range];
        stage.taken(portion.iter().map(|unit| unit.entries.len()).sum());
        let Some(answered) = isolate(portion, writer, stop).await else {
            return Err(BusError::Unavailable("stopped".to_owned()));
        };
        answers.extend(answered);
    }
    crash::point("lead-service::committed");
    let mut handed_on = Vec::with_capacity(intake.messages.len());
    for read in &mut intake.messages {
        handed_on.push(hand_on(lane, bus, read, &intake.units, &answers));
    }
    join_all(handed_on).await.into_iter().collect::<Result<(), _>>()?;
    crash::point("lead-service::acknowledging");
    batch.ack().await
}
