//! What came of an import, for people and for programs.

use std::{
    io::{self, Write},
    path::Path,
    time::Duration,
};

use indicatif::HumanCount;
use serde_json::json;

use super::tally::{ADDED, ALREADY, REJECTED, Tally};

/// What came of an import.
pub struct Summary<'a> {
    /// The file, as people call it.
    pub file: &'a str,
    /// What became of the rows, those of earlier runs among them.
    pub total: &'a Tally,
    /// Rows that an earlier run had done.
    pub before: u64,
    /// How long this run took.
    pub took: Duration,
    /// Rows per second of this run.
    pub rate: f64,
    /// Where the rejected rows are, if there are any.
    pub rejects: Option<&'a Path>,
}

impl Summary<'_> {
    /// Prints it to standard output.
    ///
    /// # Errors
    /// When nobody takes it.
    pub fn print(&self, as_json: bool) -> io::Result<()> {
        let text = if as_json { self.json() } else { self.text() };
        writeln!(io::stdout(), "{text}")
    }

    fn json(&self) -> String {
        let mut summary = json!({
            "rows": self.total.rows(),
            "added": self.total.of(ADDED),
            "already_in_campaign": self.total.of(ALREADY),
            "rejected": self.total.of(REJECTED),
            "rejects_file": self.rejects,
            "rows_of_earlier_runs": self.before,
            "seconds": (self.took.as_secs_f64() * 1e3).round() / 1e3,
            "rows_per_second": self.rate.round(),
        });
        for (status, count) in self.total.others() {
            summary[status] = json!(count);
        }
        summary.to_string()
    }

    fn text(&self) -> String {
        let (rows, seconds) = (HumanCount(self.total.rows()), self.took.as_secs_f64());
        let mut lines = vec![format!(
            "{}: {rows} rows in {seconds:.1} s ({} rows/s)",
            self.file,
            HumanCount(self.rate.round() as u64)
        )];
        if self.before > 0 {
            lines.push(format!("{:>12}  by an earlier run", HumanCount(self.before)));
        }
        let mut count =
            |count, what: &str| lines.push(format!("{:>12}  {what}", HumanCount(count)));
        count(self.total.of(ADDED), "added");
        count(self.total.of(ALREADY), "already in the campaign");
        self.total.others().for_each(|(status, rows)| count(rows, status));
        match self.rejects {
            None => count(self.total.of(REJECTED), "rejected"),
            Some(path) => {
                let what = format!("rejected: correct them in {} and import it", path.display());
                count(self.total.of(REJECTED), &what);
            }
        }
        lines.join("\n")
    }
}

/// A count and what it counts, the counts below each other.
pub fn line(count: u64, what: &str) -> String {
    format!("{:>12}  {what}", HumanCount(count).to_string())
}
