//! The limit: what PostgreSQL alone does with the same leads, measured by its own pgbench on the
//! same tables, while the services idle.

use std::{cell::Cell, fs, path::Path, process::Stdio, time::Duration};

use anyhow::{Context, ensure};
use serde::Serialize;
use tokio::process::Command;

use crate::{
    load::histogram,
    system::{Database, Fill, Place, Watch},
};

/// The statements, one file for each way to work.
const SINGLY: &str = include_str!("../pgbench/singly.sql");
const THOUSAND: &str = include_str!("../pgbench/thousand.sql");

/// The same plans as the services' own connections use (`shared::database`).
const OPTIONS: &str = "-c plan_cache_mode=force_generic_plan -c jit=off -c enable_seqscan=off \
                       -c enable_bitmapscan=off -c enable_hashjoin=off -c enable_mergejoin=off";

/// Leads that are there before, so that PostgreSQL has statistics to choose the right plans by. What
/// the rows of the pipeline begin with after their warm-up is of the same order.
const LEADS_BEFORE: u64 = 50_000;

/// Runs pgbench.
pub struct Limiter<'a> {
    place: &'a Place,
    database: &'a Database,
    watch: &'a Watch,
    campaign: String,
    workspace: String,
    /// So that each begins with leads of its own.
    runs: Cell<u64>,
}

/// Statements of a client in one run of the larger way, at the most; the smaller one always begins
/// with empty tables.
const NUMBERS_A_RUN: u64 = 20_000;

/// What pgbench reached.
#[derive(Clone, Copy, Serialize)]
pub struct Reached {
    /// Leads in a second.
    pub leads_per_second: f64,
    /// The median of a transaction, in milliseconds.
    pub p50_ms: f64,
    /// PostgreSQL's CPU time for a lead, in microseconds.
    pub postgres_us: f64,
}

/// All that is compared with.
#[derive(Clone, Copy, Serialize)]
pub struct Limit {
    /// One lead a transaction, 1 client.
    pub idle: Reached,
    /// One lead a transaction, 2 clients.
    pub singly: Reached,
    /// 1,000 leads a statement, 2 clients.
    pub thousand: Reached,
}

/// How the leads are written.
#[derive(Clone, Copy)]
pub enum Way {
    /// One lead a transaction.
    Singly,
    /// 1,000 leads a statement.
    Thousand,
}

impl<'a> Limiter<'a> {
    /// A limiter that writes to the workspace of a campaign.
    pub async fn new(
        place: &'a Place,
        database: &'a Database,
        watch: &'a Watch,
        campaign: &str,
    ) -> anyhow::Result<Self> {
        let workspace = database.workspace(campaign).await?;
        Ok(Self {
            place,
            database,
            watch,
            campaign: campaign.to_owned(),
            workspace,
            runs: Cell::new(0),
        })
    }

    /// Measures everything, each from the same tables.
    pub async fn measure(&self, measured: Duration) -> anyhow::Result<Limit> {
        Ok(Limit {
            idle: self.one(Way::Singly, 1, measured).await?,
            singly: self.one(Way::Singly, 2, measured).await?,
            thousand: self.one(Way::Thousand, 2, measured).await?,
        })
    }

    async fn one(&self, way: Way, clients: u64, measured: Duration) -> anyhow::Result<Reached> {
        let mut fill = Fill { workspace: &self.workspace, campaign: &self.campaign, made: 0 };
        self.database.empty().await?;
        self.database.fill(&mut fill, LEADS_BEFORE).await?;
        self.database.vacuum().await?;
        self.run(way, clients, measured).await
    }

    /// Measures one way on the tables as they are.
    pub async fn run(&self, way: Way, clients: u64, measured: Duration) -> anyhow::Result<Reached> {
        let (sql, leads) = match way {
            Way::Singly => (SINGLY, 1),
            Way::Thousand => (THOUSAND, 1_000),
        };
        let folder = self.place.folder.join("pgbench");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder)?;
        let script = folder.join("script.sql");
        fs::write(&script, sql)?;

        let first = self.runs.replace(self.runs.get() + 1) * NUMBERS_A_RUN;
        let (leads_before, _) = self.database.counts().await?;
        let (program, libraries) = self.place.postgres_program("pgbench")?;
        let mut command = Command::new(program);
        if let Some(libraries) = libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command
            .current_dir(&folder)
            .env("PGOPTIONS", OPTIONS)
            .args(["--no-vacuum", "--protocol=prepared", "--log", "--log-prefix=times"])
            .arg(format!("--client={clients}"))
            .arg(format!("--jobs={clients}"))
            .arg(format!("--time={}", measured.as_secs().max(1)))
            .arg("--file=script.sql")
            .arg(format!("--define=i={first}"))
            .arg(format!("--define=workspace={}", self.workspace))
            .arg(format!("--define=campaign={}", self.campaign))
            .arg(&self.place.database_url)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let meter = self.watch.start()?;
        let ran = command.output().await.context("cannot run pgbench")?;
        let usage = meter.stop()?;
        ensure!(ran.status.success(), "pgbench: {}", String::from_utf8_lossy(&ran.stderr));

        let output = String::from_utf8(ran.stdout)?;
        let done = number(&output, "number of transactions actually processed: ")? * leads as f64;
        let (leads_after, links) = self.database.counts().await?;
        ensure!(
            leads_after - leads_before == done as u64 && links == leads_after,
            "pgbench reports {done} leads; from {leads_before} it came to {leads_after}, linked {links}"
        );
        let postgres = usage.cpu.iter().find(|(name, _)| *name == "PostgreSQL");
        let postgres = postgres.map_or(0.0, |(_, cpu)| cpu.as_secs_f64());
        Ok(Reached {
            leads_per_second: number(&output, "tps = ")? * leads as f64,
            p50_ms: median(&folder)?,
            postgres_us: postgres * 1e6 / done,
        })
    }
}

impl Limit {
    /// The middle between two measurements, before and after everything else: a machine that is
    /// shared drifts.
    pub fn mean(&self, other: &Self) -> Self {
        Self {
            idle: self.idle.mean(&other.idle),
            singly: self.singly.mean(&other.singly),
            thousand: self.thousand.mean(&other.thousand),
        }
    }
}

impl Reached {
    fn mean(&self, other: &Self) -> Self {
        Self {
            leads_per_second: f64::midpoint(self.leads_per_second, other.leads_per_second),
            p50_ms: f64::midpoint(self.p50_ms, other.p50_ms),
            postgres_us: f64::midpoint(self.postgres_us, other.postgres_us),
        }
    }
}

/// The number behind a label in pgbench's report.
fn number(report: &str, label: &str) -> anyhow::Result<f64> {
    let behind = report.split_once(label).map(|(_, behind)| behind);
    let digits = behind.and_then(|text| text.split(|c: char| c.is_whitespace() || c == '/').next());
    digits.and_then(|text| text.parse().ok()).with_context(|| format!("no {label:?} in {report}"))
}

/// The median of the transactions in pgbench's logs, in milliseconds: the third column, in
/// microseconds.
fn median(folder: &Path) -> anyhow::Result<f64> {
    let mut times = histogram();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("times") {
            for line in fs::read_to_string(entry.path())?.lines() {
                let time = line.split(' ').nth(2).and_then(|time| time.parse().ok());
                times.saturating_record(time.context("a strange line in pgbench's log")?);
            }
        }
    }
    Ok(times.value_at_quantile(0.5) as f64 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read() {
        let report = "number of transactions actually processed: 1201\n\
                      latency average = 0.8 ms\ntps = 2401.5 (without initial connection time)\n";
        let processed = number(report, "number of transactions actually processed: ");
        assert_eq!(processed.ok(), Some(1201.0));
        assert_eq!(number(report, "tps = ").ok(), Some(2401.5));
        assert!(number(report, "median = ").is_err());
    }
}
