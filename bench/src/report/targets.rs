//! What was to be reached, and whether it was.

use super::{Align, Grid, decimals, ratio};
use crate::{
    limit::{Limit, Reached},
    results::{Results, Row},
    table::{IDLE, IN_PROCESS, SHAPES, name},
};

/// The most memory that a service may have resident, in MB.
const MEMORY_MB: f64 = 150.0;

/// One aim. Without a value where its rows were not measured.
struct Target {
    work: String,
    bound: Bound,
    value: Option<f64>,
    /// What would be better still.
    beyond: &'static str,
}

#[derive(Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Limit {
    /// The limit of requests with so many leads.
    pub fn of(&self, leads: usize) -> &Reached {
        if leads == 1 { &self.singly } else { &self.thousand }
    }
}

/// The list.
pub fn text(results: &Results) -> Grid {
    let mut grid = Grid::new(&[
        ("to reach", Align::Left),
        ("reached", Align::Right),
        ("at", Align::Left),
        ("", Align::Right),
        ("", Align::Left),
        ("beyond", Align::Right),
    ]);
    for Target { work, bound, value, beyond } in targets(results) {
        let (word, limit, is_met) = match bound {
            Bound::AtLeast(limit) => ("least", limit, value.is_none_or(|value| value >= limit)),
            Bound::AtMost(limit) => ("most", limit, value.is_none_or(|value| value <= limit)),
        };
        let verdict = match value {
            None => "not measured",
            Some(_) if is_met => "yes",
            Some(_) => "NO",
        };
        let value = value.map_or("-".to_owned(), shown);
        let limit = shown(limit);
        grid.row(vec![work, value, word.to_owned(), limit, verdict.to_owned(), beyond.to_owned()]);
    }
    grid
}

fn shown(value: f64) -> String {
    if value < 100.0 { ratio(value) } else { decimals(value) }
}

fn targets(results: &Results) -> Vec<Target> {
    let limit = &results.limit;
    let row = |shape, seen| results.row(&name(shape, seen), false);
    let target =
        |work: &str, bound, value, beyond| Target { work: work.to_owned(), bound, value, beyond };
    let throughput = |row: &Row| row.leads_per_second / limit.of(row.leads).leads_per_second;
    let idle = results.row(IDLE, false).map(|row| row.latency.p50 / limit.idle.p50_ms);
    let memory = results.rows.iter().flat_map(|row| row.memory_mb.values().copied());
    let mut targets = vec![
        target(
            "1000 x 8: leads/s, of pgbench's by the thousand",
            Bound::AtLeast(0.6),
            row((1_000, 8), false).map(throughput),
            "0.75",
        ),
        target(
            "1 x 64: leads/s, of pgbench's one by one",
            Bound::AtLeast(5.0),
            row((1, 64), false).map(throughput),
            "20,000/s",
        ),
        target("1 x 1: median, of pgbench's with 1 client", Bound::AtMost(3.5), idle, "2.5"),
        target("memory of a service, MB", Bound::AtMost(MEMORY_MB), memory.reduce(f64::max), ""),
    ];
    for shape in SHAPES {
        let (new, seen) = (row(shape, false), row(shape, true));
        let value = new.zip(seen).map(|(new, seen)| seen.leads_per_second / new.leads_per_second);
        let (leads, connections) = shape;
        let work = format!("{leads} x {connections}: half seen, of all new");
        targets.push(target(&work, Bound::AtLeast(1.0), value, ""));
    }
    for shape in IN_PROCESS {
        let inside = results.row(&name(shape, false), true);
        let value = inside.zip(row(shape, false));
        let value = value.map(|(inside, row)| inside.leads_per_second / row.leads_per_second);
        let (leads, connections) = shape;
        let work = format!("{leads} x {connections}: in process, of RabbitMQ");
        targets.push(target(&work, Bound::AtLeast(1.0), value, ""));
    }
    targets
}
