//! What a process counts of its work, and how it tells Prometheus.
//!
//! Names, labels and meaning stand in docs/operations.md, which alerts and dashboard go by. Whoever
//! counts holds on to a handle and counts once for a batch or a request, never for a lead. No label
//! holds what a caller chose.

mod queues;
mod stage;

pub use queues::watch as watch_queues;
pub(crate) use queues::{dead_letters, redeliveries};
pub use stage::StageMetrics;

use std::time::Duration;

use anyhow::Context;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use tokio::time::sleep;

use crate::{bus::Queue, telemetry};

/// Requests to the API, by route, method and status.
pub const HTTP_REQUESTS: &str = "rollcall_http_requests_total";
/// Seconds from a request's head to its answer, by route.
pub const HTTP_DURATION: &str = "rollcall_http_request_duration_seconds";
/// Entries that were answered, by outcome.
pub const LEADS: &str = "rollcall_leads_total";
/// Leads that a stage takes at once, by stage and lane.
pub const BATCH_LEADS: &str = "rollcall_batch_leads";
/// Seconds that a stage takes for a batch, by stage and lane.
pub const STAGE_DURATION: &str = "rollcall_stage_duration_seconds";
/// Leads that are under way through a gateway.
pub const LEADS_IN_FLIGHT: &str = "rollcall_leads_in_flight";
/// How many may be.
pub const LEADS_IN_FLIGHT_LIMIT: &str = "rollcall_leads_in_flight_limit";
/// Messages that wait, by queue.
pub const QUEUE_MESSAGES: &str = "rollcall_queue_messages";
/// Messages that had been delivered before, by queue.
pub const REDELIVERIES: &str = "rollcall_redeliveries_total";
/// Messages that became dead letters, by the queue that they came from.
pub const DEAD_LETTERS: &str = "rollcall_dead_letters_total";
/// Whether the bus can be used.
pub const BUS_UP: &str = "rollcall_bus_up";
/// Connections made to the broker.
pub const BUS_CONNECTS: &str = "rollcall_bus_connects_total";
/// Log lines that were dropped because nobody read them.
pub const LOG_LINES_DROPPED: &str = "rollcall_log_lines_dropped_total";
/// Replies that the broker did not take in time.
pub const BUS_REPLIES_GIVEN_UP: &str = "rollcall_bus_replies_given_up_total";
/// Requests that were published again because no reply came, by queue.
pub const BUS_CALLS_REPEATED: &str = "rollcall_bus_calls_repeated_total";
/// Messages that were published again because the broker did not take them, by queue.
pub const BUS_PUBLISH_RETRIES: &str = "rollcall_bus_publish_retries_total";
/// Consumers that were set up again because the broker did not know them, by queue.
pub const BUS_SUBSCRIPTIONS_REBUILT: &str = "rollcall_bus_subscriptions_rebuilt_total";
/// Pooled connections to the database, by state.
pub const POOL_CONNECTIONS: &str = "rollcall_database_pool_connections";
/// How many there may be.
pub const POOL_LIMIT: &str = "rollcall_database_pool_limit";
/// Failures of the database, by class.
pub const DATABASE_ERRORS: &str = "rollcall_database_errors_total";
/// Requests over the limit of their key.
pub const RATE_LIMITED: &str = "rollcall_rate_limited_total";
/// Requests without a valid key.
pub const KEYS_REFUSED: &str = "rollcall_keys_refused_total";

const SECONDS: [f64; 14] =
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];
const BATCH: [f64; 12] =
    [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0];

/// How often observations are added up when nobody asks for them.
const UPKEEP: Duration = Duration::from_secs(5);

/// What the process has counted so far.
#[derive(Clone)]
pub struct Metrics {
    recorder: PrometheusHandle,
    process: Collector,
}

impl Metrics {
    /// Begins to count. Call it once, before anything takes a handle: handles that were taken
    /// before count nothing.
    ///
    /// # Errors
    /// When the process counts already.
    pub fn start() -> anyhow::Result<Self> {
        let recorder = builder()?.install_recorder().context("the process counts already")?;
        let process = Collector::default();
        process.describe();
        describe();
        tokio::spawn(keep_up(recorder.clone()));
        Ok(Self { recorder, process })
    }

    /// Of a process that counts nothing.
    ///
    /// # Errors
    /// As [`Metrics::start`].
    pub fn none() -> anyhow::Result<Self> {
        let recorder = builder()?.build_recorder().handle();
        Ok(Self { recorder, process: Collector::default() })
    }

    /// Everything, in Prometheus' text format.
    pub fn render(&self) -> String {
        self.process.collect();
        counter!(LOG_LINES_DROPPED).absolute(telemetry::dropped_lines() as u64);
        self.recorder.render()
    }
}

fn builder() -> anyhow::Result<PrometheusBuilder> {
    let seconds = |name: &str| (Matcher::Full(name.to_owned()), &SECONDS[..]);
    let batch = (Matcher::Full(BATCH_LEADS.to_owned()), &BATCH[..]);
    let mut builder = PrometheusBuilder::new();
    for (histogram, buckets) in [seconds(HTTP_DURATION), seconds(STAGE_DURATION), batch] {
        builder = builder.set_buckets_for_metric(histogram, buckets)?;
    }
    Ok(builder)
}

/// Single observations are kept until they are added up.
async fn keep_up(recorder: PrometheusHandle) {
    loop {
        sleep(UPKEEP).await;
        recorder.run_upkeep();
    }
}

fn describe() {
    for class in ["unavailable", "timed_out", "failed"] {
        // There from the start: a rate needs something to rise from.
        counter!(DATABASE_ERRORS, "class" => class).increment(0);
    }
    describe_counter!(HTTP_REQUESTS, "Requests to the API");
    describe_histogram!(HTTP_DURATION, "Seconds from a request's head to its answer");
    describe_counter!(LEADS, "Entries that were answered");
    describe_histogram!(BATCH_LEADS, "Leads that a stage takes at once");
    describe_histogram!(STAGE_DURATION, "Seconds that a stage takes for a batch");
    describe_gauge!(LEADS_IN_FLIGHT, "Leads under way");
    describe_gauge!(LEADS_IN_FLIGHT_LIMIT, "Leads that may be under way");
    describe_gauge!(QUEUE_MESSAGES, "Messages that wait");
    describe_counter!(REDELIVERIES, "Messages that had been delivered before");
    describe_counter!(DEAD_LETTERS, "Messages that were moved to the dead letters");
    describe_gauge!(BUS_UP, "1 while the broker is connected and takes messages");
    describe_counter!(BUS_CONNECTS, "Connections made to the broker");
    describe_counter!(LOG_LINES_DROPPED, "Log lines that nobody read");
    describe_counter!(BUS_REPLIES_GIVEN_UP, "Replies that the broker did not take in time");
    describe_counter!(BUS_CALLS_REPEATED, "Requests published again because no reply came");
    describe_counter!(BUS_PUBLISH_RETRIES, "Messages published again after a refusal");
    describe_counter!(BUS_SUBSCRIPTIONS_REBUILT, "Consumers set up again");
    counter!(BUS_REPLIES_GIVEN_UP).increment(0);
    for queue in Queue::ALL.map(Queue::name) {
        for name in [BUS_CALLS_REPEATED, BUS_PUBLISH_RETRIES, BUS_SUBSCRIPTIONS_REBUILT] {
            counter!(name, "queue" => queue).increment(0);
        }
    }
    describe_gauge!(POOL_CONNECTIONS, "Pooled connections to the database");
    describe_gauge!(POOL_LIMIT, "Pooled connections to the database that there may be");
    describe_counter!(DATABASE_ERRORS, "Failures of the database");
    describe_counter!(RATE_LIMITED, "Requests over the limit of their key");
    describe_counter!(KEYS_REFUSED, "Requests without a valid key");
}
