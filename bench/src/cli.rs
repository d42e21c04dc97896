//! What can be typed.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};

/// Measures Rollcall. Run it by `make bench` or `make bench-size`, which start what it needs.
#[derive(Debug, Parser)]
pub struct Cli {
    /// What to measure.
    #[command(subcommand)]
    pub command: Command,
}

/// The measurements.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Throughput, latency, CPU and memory for 1 to 1,000 leads a request, beside the limit
    Table(TableOptions),
    /// Throughput by the thousand as the table of leads grows
    Size(SizeOptions),
}

/// What every measurement can be told.
#[derive(Debug, Args)]
pub struct Options {
    /// How long each row is measured
    #[arg(long, default_value_t = 8.0, value_name = "SECONDS", value_parser = positive)]
    seconds: f64,
    /// How long each row runs before that
    #[arg(long, default_value_t = 2.0, value_name = "SECONDS", value_parser = positive)]
    warm_up: f64,
    /// Also write the results to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// Of `bench table`.
#[derive(Debug, Args)]
pub struct TableOptions {
    /// Common ones.
    #[command(flatten)]
    pub common: Options,
    /// Measure only rows whose name holds this text, such as "1000 x 8" or "idle"
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub only: String,
    /// Arrivals of the open model, as a share of the measured throughput of "1 x 64, new"
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = positive)]
    pub arrivals: f64,
}

/// Of `bench size`.
#[derive(Debug, Args)]
pub struct SizeOptions {
    /// Common ones.
    #[command(flatten)]
    pub common: Options,
    /// Leads in the workspace before each row, ascending
    #[arg(long, value_delimiter = ',', default_values_t = [0, 500_000, 1_000_000, 10_000_000])]
    pub sizes: Vec<u64>,
}

impl Options {
    /// How long each row is measured.
    pub fn measured(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    /// How long each row runs before that.
    pub fn warm_up(&self) -> Duration {
        Duration::from_secs_f64(self.warm_up)
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number <= 3_600.0 => Ok(number),
        _ => Err("must be a number above 0, at most 3600".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn is_well_formed() {
        Cli::command().debug_assert();
    }
}
