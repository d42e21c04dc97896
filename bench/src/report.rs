//! The report for people.

mod grid;
mod targets;

pub use grid::{Align, Grid};

use std::fmt::Write;

use crate::{
    limit::{Limit, Reached},
    results::{PROCESSES, Results, Row},
};

/// The limit may drift by this factor while the rows are measured.
const QUIET: f64 = 1.1;

/// All of it.
pub fn text(results: &Results) -> String {
    let mut text = String::new();
    let Results { postgres, processors, limits, .. } = results;
    let _ = writeln!(text, "\n{processors} processors, PostgreSQL {postgres}\n");
    let _ = writeln!(text, "{}", rows(results));
    if let Some(open) = &results.open {
        let _ = writeln!(text, "{}", open_model(open));
    }
    let drift = |of: fn(&Limit) -> f64| of(&limits[1]) / of(&limits[0]);
    let drifts = [
        drift(|limit| limit.singly.leads_per_second),
        drift(|limit| limit.thousand.leads_per_second),
    ];
    let [single, thousand] = drifts.map(ratio);
    let _ = writeln!(
        text,
        "The limit was measured before and after; the second is {single} (single) and {thousand} \
         (thousand) of the first."
    );
    if drifts.iter().any(|drift| !(1.0 / QUIET..=QUIET).contains(drift)) {
        let _ = writeln!(text, "THE MACHINE WAS NOT QUIET: run again before you believe a ratio.");
    }
    let _ = writeln!(text);
    let _ = writeln!(text, "{}", targets::text(results));
    text
}

fn rows(results: &Results) -> Grid {
    let used = |name: &&&str| results.rows.iter().any(|row| row.cpu_us.contains_key(**name));
    let processes: Vec<&str> = PROCESSES.iter().filter(used).copied().collect();
    let mut columns = vec![
        ("leads x connections".to_owned(), Align::Left),
        ("leads/s".to_owned(), Align::Right),
        ("of limit".to_owned(), Align::Right),
        ("requests/s".to_owned(), Align::Right),
        ("p50 ms".to_owned(), Align::Right),
        ("p99 ms".to_owned(), Align::Right),
    ];
    columns.extend(processes.iter().map(|name| (format!("{name} us"), Align::Right)));
    columns.push(("memory MB".to_owned(), Align::Left));
    let columns: Vec<_> = columns.iter().map(|(name, align)| (&**name, *align)).collect();
    let mut grid = Grid::new(&columns);
    let Limit { idle, singly, thousand } = &results.limit;
    for (work, reached, leads) in [
        ("pgbench: 1 x 1", idle, 1.0),
        ("pgbench: 1 x 2", singly, 1.0),
        ("pgbench: 1000 x 2", thousand, 1_000.0),
    ] {
        grid.row(limit_cells(work, reached, leads, &processes));
    }
    for row in &results.rows {
        grid.row(cells(row, &results.limit, &processes));
    }
    grid
}

fn limit_cells(work: &str, reached: &Reached, leads: f64, processes: &[&str]) -> Vec<String> {
    let mut cells = vec![
        work.to_owned(),
        thousands(reached.leads_per_second),
        String::new(),
        thousands(reached.leads_per_second / leads),
        decimals(reached.p50_ms),
        String::new(),
    ];
    cells.extend(processes.iter().map(|&name| {
        if name == "PostgreSQL" { decimals(reached.postgres_us) } else { String::new() }
    }));
    cells.push(String::new());
    cells
}

fn cells(row: &Row, limit: &Limit, processes: &[&str]) -> Vec<String> {
    let of_limit = row.leads_per_second / limit.of(row.leads).leads_per_second;
    let work = if row.in_process { format!("{}, in process", row.work) } else { row.work.clone() };
    let mut cells = vec![
        work,
        thousands(row.leads_per_second),
        ratio(of_limit),
        thousands(row.requests_per_second),
        decimals(row.latency.p50),
        decimals(row.latency.p99),
    ];
    let cpu = |name: &&str| row.cpu_us.get(name).map_or(String::new(), |&cpu| decimals(cpu));
    cells.extend(processes.iter().map(cpu));
    let memory: Vec<String> = PROCESSES
        .iter()
        .filter_map(|name| row.memory_mb.get(name))
        .map(|megabytes| format!("{megabytes:.0}"))
        .collect();
    cells.push(memory.join(" / "));
    cells
}

fn open_model(row: &Row) -> Grid {
    let mut grid = Grid::new(&[
        ("fixed arrival rate", Align::Left),
        ("p50 ms", Align::Right),
        ("p95", Align::Right),
        ("p99", Align::Right),
        ("p99.9", Align::Right),
        ("max", Align::Right),
    ]);
    let latency = &row.latency;
    let mut cells = vec![row.work.clone()];
    let times = [latency.p50, latency.p95, latency.p99, latency.p999, latency.max];
    cells.extend(times.map(decimals));
    grid.row(cells);
    grid
}

/// A whole number with its thousands apart.
pub fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A small number, to three digits.
pub fn decimals(number: f64) -> String {
    match number {
        ..10.0 => format!("{number:.2}"),
        ..100.0 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}

/// A ratio.
pub fn ratio(number: f64) -> String {
    format!("{number:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(thousands(1_234_567.4), "1,234,567");
        assert_eq!(thousands(999.0), "999");
        assert_eq!(
            (decimals(1.234), decimals(12.34), decimals(123.4)),
            ("1.23".into(), "12.3".into(), "123".into())
        );
    }
}
