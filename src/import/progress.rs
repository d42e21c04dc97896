//! How far an import is: a bar on a terminal, else a line now and then.

use std::{
    cell::Cell,
    fmt::Display,
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::tally::{ADDED, ALREADY, REJECTED, Tally};

/// How often a line is written.
const LINES_EVERY: Duration = Duration::from_secs(5);

const BAR: &str =
    "{bar:30} {percent:>3}% {human_pos}/{human_len} rows, {per_second}, {eta} left; {msg}";
/// Where it is not known how many rows there are.
const COUNTER: &str = "{spinner} {human_pos} rows, {per_second}; {msg}";

/// Shows the progress of one import.
pub struct Progress {
    shown: Shown,
    total: Option<u64>,
    started: Instant,
    /// Rows that an earlier run has done.
    before: u64,
    /// When the next line is due, on how far it is and on what is waited for.
    next_lines: [Cell<Instant>; 2],
}

enum Shown {
    Nothing,
    Bar(ProgressBar),
    Lines,
}

impl Progress {
    /// Begins, with this many rows to do and these done before.
    pub fn new(quiet: bool, total: Option<u64>, done: &Tally) -> Self {
        let shown = match () {
            () if quiet => Shown::Nothing,
            () if io::stderr().is_terminal() => Shown::Bar(bar(total, done.rows())),
            () => Shown::Lines,
        };
        let (started, before) = (Instant::now(), done.rows());
        let next_lines = [Cell::new(started + LINES_EVERY), Cell::new(started)];
        Self { shown, total, started, before, next_lines }
    }

    /// Tells what is done now.
    pub fn update(&self, done: &Tally) {
        match &self.shown {
            Shown::Nothing => {}
            Shown::Bar(bar) => {
                bar.set_message(counts(done));
                bar.set_position(done.rows());
            }
            Shown::Lines if is_due(&self.next_lines[0]) => eprintln!("{}", self.line(done)),
            Shown::Lines => {}
        }
    }

    /// Tells what is waited for.
    pub fn waiting(&self, failure: &impl Display) {
        let text = format!("{failure}; trying again");
        match &self.shown {
            Shown::Nothing => {}
            Shown::Bar(bar) => bar.set_message(text),
            Shown::Lines if is_due(&self.next_lines[1]) => eprintln!("{text}"),
            Shown::Lines => {}
        }
    }

    /// Ends, leaving the last state where it can be read.
    pub fn finish(&self, done: &Tally) {
        match &self.shown {
            Shown::Nothing => {}
            Shown::Bar(bar) => {
                bar.set_message(counts(done));
                bar.set_position(done.rows());
                bar.abandon();
            }
            Shown::Lines => eprintln!("{}", self.line(done)),
        }
    }

    /// Rows per second, of those that this run has done.
    pub fn rate(&self, done: &Tally) -> f64 {
        let seconds = self.started.elapsed().as_secs_f64();
        done.rows().saturating_sub(self.before) as f64 / seconds.max(0.001)
    }

    fn line(&self, done: &Tally) -> String {
        let (rows, rate) = (done.rows(), self.rate(done));
        let counts = counts(done);
        let Some(total) = self.total else {
            return format!("{} rows, {rate:.0} rows/s; {counts}", HumanCount(rows));
        };
        let percent = 100 * rows / total.max(1);
        let left = Duration::from_secs_f64(total.saturating_sub(rows) as f64 / rate.max(0.001));
        format!(
            "{} of {} rows ({percent}%), {rate:.0} rows/s, {} left; {counts}",
            HumanCount(rows),
            HumanCount(total),
            HumanDuration(left)
        )
    }
}

/// Whether the time has come, which then comes again.
fn is_due(next: &Cell<Instant>) -> bool {
    let due = Instant::now() >= next.get();
    if due {
        next.set(Instant::now() + LINES_EVERY);
    }
    due
}

fn bar(total: Option<u64>, done: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
    let template = if total.is_some() { BAR } else { COUNTER };
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏ ").with_key(
        "per_second",
        |state: &indicatif::ProgressState, text: &mut dyn std::fmt::Write| {
            let _ = write!(text, "{} rows/s", HumanCount(state.per_sec() as u64));
        },
    ));
    bar.set_position(done);
    // What was done before says nothing about how long the rest takes.
    bar.reset_eta();
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn counts(done: &Tally) -> String {
    let mut counts = vec![
        format!("{} added", HumanCount(done.of(ADDED))),
        format!("{} already there", HumanCount(done.of(ALREADY))),
        format!("{} rejected", HumanCount(done.of(REJECTED))),
    ];
    counts.extend(done.others().map(|(status, count)| format!("{} {status}", HumanCount(count))));
    counts.join(", ")
}
