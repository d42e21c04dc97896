//! Gathering: submissions of concurrent requests share a message.
//!
//! While a message is under way, submissions wait here, and the next message takes all that came
//! meanwhile. It goes when the first is answered, or when it is large enough to be worth its own way.
//! So a lone request goes out at once, and a busy gateway sends ever larger messages.

mod answer;
mod arrivals;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::value::RawValue;
use shared::{
    bus::{Lane, Message, SharedBus, within},
    contract::{ErrorBody, Merge, Options, SubmissionToSend, SubmissionsToSend},
    crash,
    metrics::StageMetrics,
    origin::Origin,
    supervisor::{Supervisor, pass_on_panic},
    traces::{Kind, Span, Tracer},
};
use tokio::{
    sync::{Semaphore, oneshot},
    task::JoinSet,
    time::Instant,
};
use uuid::Uuid;

use crate::{
    error::ApiError,
    metrics::{LeadsInFlight, Room},
};
pub use answer::Answered;
use arrivals::{Arrivals, Size};

/// Messages that are under way at once: while the campaign service has one, the lead service has the
/// next. More only make the messages smaller.
const MESSAGES_IN_FLIGHT: usize = 2;
/// Leads that are worth a message beside one that is under way. A smaller one costs every service
/// and the broker more than its callers gain by not waiting for the first.
const WORTH_ANOTHER: usize = 500;
/// The longest that a message waits for callers who are about to come back.
const MAX_PATIENCE: Duration = Duration::from_millis(5);

/// A submission on its way.
pub struct Submission {
    /// Its id; the same id again is a replay.
    pub id: Uuid,
    /// The request that it is made for.
    pub origin: Origin,
    /// The caller's workspace.
    pub workspace_id: Uuid,
    /// The campaign to link to.
    pub campaign_id: Uuid,
    /// What becomes of fields of matched leads.
    pub merge: Merge,
    /// The country whose national phone format is accepted.
    pub default_region: Option<String>,
    /// What else was asked for.
    pub options: Options,
    /// The JSON array of entries, as it came.
    pub leads: Box<RawValue>,
    /// How many entries that are.
    pub count: usize,
}

/// Takes submissions and brings back their answers.
pub struct Gatherer {
    /// Submissions of few leads, and of many: see [`Lane`].
    rows: Arc<Arrivals<Waiting>>,
    bulk: Arc<Arrivals<Waiting>>,
    background: Arc<Arrivals<Waiting>>,
    /// One permit for each lead that may be under way.
    room: Arc<Semaphore>,
    in_flight: LeadsInFlight,
    timeout: Duration,
    tracer: Tracer,
}

struct Waiting {
    submission: Submission,
    /// From here to the answer.
    span: Span,
    answer: oneshot::Sender<Result<Answered, ApiError>>,
    /// Given back when the answer is there, not when the caller goes.
    _room: Room,
}

impl Gatherer {
    /// Starts to gather for a bus.
    pub fn start(
        bus: SharedBus,
        max_leads_in_flight: usize,
        timeout: Duration,
        tracer: Tracer,
        tasks: &mut Supervisor,
    ) -> Self {
        let [rows, bulk, background] = Lane::ALL.map(|lane| {
            let arrivals = Arc::default();
            let sending = gather(lane, bus.clone(), Arc::clone(&arrivals), timeout);
            tasks.spawn_endless("the sending of submissions", sending);
            arrivals
        });
        let room = Arc::new(Semaphore::new(max_leads_in_flight));
        let in_flight = LeadsInFlight::of(max_leads_in_flight);
        Self { rows, bulk, background, room, in_flight, timeout, tracer }
    }

    /// Submits and waits for the answer.
    ///
    /// # Errors
    /// 503 at once when too much is under way; what became of the submission as a whole; 503 or 504
    /// when that is not known.
    pub async fn submit(&self, submission: Submission) -> Result<Answered, ApiError> {
        self.submit_on(Lane::of(submission.count), submission).await
    }

    /// Submits on this lane, whatever the size, and waits for the answer.
    ///
    /// # Errors
    /// As for [`Gatherer::submit`].
    pub async fn submit_on(
        &self,
        lane: Lane,
        mut submission: Submission,
    ) -> Result<Answered, ApiError> {
        let id = submission.id;
        let leads = u32::try_from(submission.count).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).try_acquire_many_owned(leads);
        let room = self.in_flight.enter(leads, room.map_err(|_| ApiError::overloaded())?);
        let kind = Kind::Send { queue: lane.submitted().name() };
        let count = submission.count;
        let span = self.tracer.submission(kind, Some(id), &mut submission.origin, count);
        let (answer, answered) = oneshot::channel();
        let arrivals = match lane {
            Lane::Rows => &self.rows,
            Lane::Bulk => &self.bulk,
            Lane::Background => &self.background,
        };
        let size = Size { leads: submission.count, bytes: submission.leads.get().len() };
        arrivals.add(Waiting { submission, span, answer, _room: room }, size);
        match tokio::time::timeout(self.timeout, answered).await {
            Ok(Ok(answer)) => answer.map_err(|error| error.of_submission(id)),
            Ok(Err(_)) => Err(ErrorBody::unavailable().into()),
            Err(_) => Err(ApiError::from(shared::bus::BusError::Timeout).of_submission(id)),
        }
    }
}

/// Sends the messages of a lane, for ever.
async fn gather(lane: Lane, bus: SharedBus, arrivals: Arc<Arrivals<Waiting>>, timeout: Duration) {
    let stage = StageMetrics::of("gateway", lane);
    let (mut under_way, mut pace) = (JoinSet::new(), Pace::default());
    loop {
        arrivals.submissions(1).await;
        loop {
            let is_room = under_way.len() < MESSAGES_IN_FLIGHT;
            tokio::select! {
                biased;
                last = under_way.join_next() => match last {
                    Some(last) => pace = pass_on_panic(last).unwrap_or_default(),
                    None => break,
                },
                () = arrivals.leads(WORTH_ANOTHER), if is_room => break,
            }
        }
        crash::point("gateway::sending");
        // Where they do not come back in time, the message goes without them.
        let _ = tokio::time::timeout(pace.patience, arrivals.submissions(pace.company)).await;
        let message = arrivals.take();
        stage.taken(message.iter().map(|waiting| waiting.submission.count).sum());
        let (bus, stage) = (bus.clone(), stage.clone());
        under_way.spawn(async move {
            let (company, sent) = (message.len(), Instant::now());
            send(message, lane, bus, timeout).await;
            stage.done(sent);
            Pace { company, patience: (sent.elapsed() / 4).min(MAX_PATIENCE) }
        });
    }
}

/// What the last answered message says of the next: the callers that it answered are about to come
/// back, one after the other. Without a moment's patience the first of them would travel alone and
/// the others wait for its way and back. A caller who was alone is never waited with.
#[derive(Clone, Copy, Default)]
struct Pace {
    /// How many submissions travelled together.
    company: usize,
    /// How long the next message waits for as many: a part of the time that the last one took.
    patience: Duration,
}

/// Sends a message and brings back its answers.
async fn send(mut message: Vec<Waiting>, lane: Lane, bus: SharedBus, timeout: Duration) {
    message.iter_mut().for_each(|waiting| waiting.span.event("gathered"));
    let results = match body(message.iter().map(|waiting| &waiting.submission)) {
        Ok(body) => bus.call(lane.submitted(), Message::new(body), within(timeout)).await,
        Err(error) => Err(shared::bus::BusError::Unavailable(error.to_string())),
    };
    let count = message.len();
    let answers = match results {
        Ok(reply) => answer::read(&reply, count),
        Err(error) => (0..count).map(|_| Err(error.clone().into())).collect(),
    };
    for (mut waiting, answer) in message.into_iter().zip(answers) {
        if let Err(error) = &answer {
            waiting.span.refused(error.body());
        }
        // A caller who has gone will ask again.
        let _ = waiting.answer.send(answer);
    }
}

/// The body of a message with these submissions (contract section 5); entries are copied as they
/// came.
///
/// # Errors
/// When it cannot be written.
pub fn body<'a>(
    submissions: impl IntoIterator<Item = &'a Submission>,
) -> serde_json::Result<Bytes> {
    let submissions = submissions.into_iter().map(|submission| SubmissionToSend {
        id: submission.id,
        workspace_id: submission.workspace_id,
        campaign_id: submission.campaign_id,
        merge: submission.merge,
        default_region: submission.default_region.as_deref(),
        options: submission.options,
        request_id: submission.origin.request_id.as_ref(),
        traceparent: submission.origin.trace,
        leads: &submission.leads,
    });
    let message = SubmissionsToSend { submissions: submissions.collect() };
    serde_json::to_vec(&message).map(Bytes::from)
}
