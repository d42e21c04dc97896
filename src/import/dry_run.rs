//! What an import would do.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use indicatif::HumanCount;
use serde_json::value::RawValue;
use shared::entry::{LeadEntry, Region};

use super::{
    rows::{Reading, Row, Rows},
    source::Source,
    summary,
};
use crate::{
    ending::{Ending, Usage},
    table,
};

/// How many entries are shown.
const SHOWN: usize = 3;

/// Shows what the columns become and what the first entries look like, and checks all of them by
/// the rules of the lead service. What only the server knows stays open: which leads there are, and
/// the workspace's own default region.
///
/// # Errors
/// When the file cannot be read, or no lead can come of it.
pub fn run(source: &Source, reading: &Reading, region: Option<&str>) -> anyhow::Result<Ending> {
    let region: Option<Region> = region.map(str::parse).transpose().map_err(|()| {
        Usage("--default-region must be a country's ISO 3166 alpha-2 code, such as US".to_owned())
    })?;
    let mut rows = Rows::open(source, reading)?;
    let (mut count, mut first) = (0_u64, Vec::new());
    let mut problems = BTreeMap::<String, (u64, u64)>::new();
    while let Some(row) = rows.next()? {
        count += 1;
        if let Some(problem) = problem(&row, region) {
            problems.entry(problem).or_insert((0, row.line)).0 += 1;
        }
        if first.len() < SHOWN
            && let Ok(entry) = row.entry
        {
            first.push(format!("line {}: {entry}", row.line));
        }
    }
    rows.mapping().check().map_err(Usage)?;

    let mut lines = vec![format!("{}: {} rows; nothing is sent", source.name(), HumanCount(count))];
    let used = rows.mapping().used().map(|(name, to)| [name.to_owned(), to.to_string()]);
    let ignored = rows.mapping().ignored();
    let ignored = ignored.into_iter().map(|name| [name.to_owned(), "(ignored)".to_owned()]);
    lines.push(String::new());
    lines.extend(table::lines(["COLUMN", "BECOMES"], &used.chain(ignored).collect::<Vec<_>>()));
    lines.push(String::new());
    lines.extend(first);
    let rejected: u64 = problems.values().map(|(count, _)| count).sum();
    lines.push(format!("\n{} rows would be rejected", HumanCount(rejected)));
    let problems = problems.into_iter().map(|(problem, (count, line))| {
        summary::line(count, &format!("{problem} (first at line {line})"))
    });
    lines.extend(problems);
    writeln!(io::stdout(), "{}", lines.join("\n"))?;
    Ok(if rejected == 0 { Ending::Fine } else { Ending::Leftovers })
}

fn problem(row: &Row, region: Option<Region>) -> Option<String> {
    let entry = match &row.entry {
        Ok(entry) => entry,
        Err(problem) => return Some(problem.clone()),
    };
    let entry: &RawValue = serde_json::from_str(entry).ok()?;
    LeadEntry::parse(entry, region).err().map(|error| error.to_string())
}
