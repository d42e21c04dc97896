//! What comes out, for people and for machines.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::Context;
use serde::Serialize;

use crate::{limit::Limit, load::Measured, system::Layout};

/// The processes, in the order of the table.
pub const PROCESSES: [&str; 7] =
    ["gateway", "lead-service", "campaign-service", "rollcall", "broker", "PostgreSQL", "load"];

/// One row of the table.
#[derive(Clone, Serialize)]
pub struct Row {
    /// What was done, such as "1000 x 8, new".
    pub work: String,
    /// Whether `rollcall up` did it, in one process.
    pub in_process: bool,
    /// Leads a request.
    pub leads: usize,
    /// Leads in a second.
    pub leads_per_second: f64,
    /// Requests in a second.
    pub requests_per_second: f64,
    /// Latencies, in milliseconds.
    pub latency: Latency,
    /// CPU time for a lead, in microseconds, by process.
    pub cpu_us: BTreeMap<&'static str, f64>,
    /// The most bytes resident, in millions, by service.
    pub memory_mb: BTreeMap<&'static str, f64>,
}

/// Latencies in milliseconds.
#[derive(Clone, Serialize)]
pub struct Latency {
    /// The median.
    pub p50: f64,
    /// What 5 % exceeded.
    pub p95: f64,
    /// What 1 % exceeded.
    pub p99: f64,
    /// What one in a thousand exceeded.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

impl Row {
    /// A row of what was measured.
    pub fn new(work: &str, layout: Layout, leads: usize, measured: &Measured) -> Self {
        let tally = &measured.tally;
        // A row without a lead is told of by its leads a second.
        let count = tally.leads.max(1) as f64;
        let cpu = measured.usage.cpu.iter();
        let memory = measured.usage.memory.iter();
        Self {
            work: work.to_owned(),
            in_process: layout == Layout::InProcess,
            leads,
            leads_per_second: measured.leads_per_second(),
            requests_per_second: measured.requests_per_second(),
            latency: Latency {
                p50: tally.quantile(0.5),
                p95: tally.quantile(0.95),
                p99: tally.quantile(0.99),
                p999: tally.quantile(0.999),
                max: tally.longest(),
            },
            cpu_us: cpu.map(|&(name, cpu)| (name, cpu.as_secs_f64() * 1e6 / count)).collect(),
            memory_mb: memory.map(|&(name, bytes)| (name, bytes as f64 / 1e6)).collect(),
        }
    }
}

/// What `bench table` found.
#[derive(Serialize)]
pub struct Results {
    /// PostgreSQL's version.
    pub postgres: String,
    /// Processors that the machine has.
    pub processors: usize,
    /// The limit before the rows and after them.
    pub limits: [Limit; 2],
    /// The middle of both, which the rows are compared with.
    pub limit: Limit,
    /// The rows.
    pub rows: Vec<Row>,
    /// The row of the open model, and its requests a second.
    pub open: Option<Row>,
}

impl Results {
    /// The row with this name.
    pub fn row(&self, work: &str, in_process: bool) -> Option<&Row> {
        self.rows.iter().find(|row| row.work == work && row.in_process == in_process)
    }
}

/// Processors that the machine has.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Writes results to a file, where one is asked for.
pub fn write_json(results: &impl Serialize, file: Option<&Path>) -> anyhow::Result<()> {
    let Some(file) = file else { return Ok(()) };
    let json = serde_json::to_vec_pretty(results)?;
    fs::write(file, json).with_context(|| format!("cannot write {}", file.display()))
}
