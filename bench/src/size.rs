//! `bench size`: throughput by the thousand as the table grows.

use std::{fmt::Write, rc::Rc};

use anyhow::{Context, ensure};
use serde::Serialize;

use crate::{
    cli::SizeOptions,
    limit::{Limiter, Reached, Way},
    load::{Mix, Numbers, closed},
    report::{Align, Grid, decimals, ratio, thousands},
    results::{Row, processors, write_json},
    system::{Database, Fill, Layout, Place, Rollcall},
};

/// Leads a request and connections.
const SHAPE: (usize, usize) = (1_000, 8);

#[derive(Serialize)]
struct Results {
    postgres: String,
    processors: usize,
    rows: Vec<SizeRow>,
}

#[derive(Serialize)]
struct SizeRow {
    /// Leads in the workspace before.
    size: u64,
    row: Row,
    /// pgbench on the same table.
    limit: Reached,
}

/// Measures and reports.
pub async fn run(options: &SizeOptions) -> anyhow::Result<()> {
    ensure!(options.sizes.is_sorted(), "--sizes must ascend");
    let place = Place::find()?;
    let database = Database::connect(&place.database_url).await?;
    let rollcall = Rollcall::start(&place, Layout::Distributed).await?;
    let campaign = &rollcall.target.campaign;
    let limiter = Limiter::new(&place, &database, &rollcall.watch, campaign).await?;
    let workspace = database.workspace(campaign).await?;

    let (leads, connections) = SHAPE;
    let common = &options.common;
    let plan = closed::Plan { connections, warm_up: common.warm_up(), measured: common.measured() };
    let numbers = Rc::new(Numbers::default());
    let mut fill = Fill { workspace: &workspace, campaign, made: 0 };
    let mut rows = Vec::new();
    database.empty().await?;
    for &size in &options.sizes {
        let (mut there, _) = database.counts().await?;
        if there > size {
            database.empty().await?;
            (there, fill.made) = (0, 0);
        }
        if size > there {
            eprintln!("filling up to {}", thousands(size as f64));
            database.fill(&mut fill, size - there).await?;
            database.vacuum().await?;
        }
        let (size, _) = database.counts().await?;
        eprintln!("{} leads", thousands(size as f64));
        let mix = Mix { leads, seen: None };
        let measured = closed::run(&rollcall.target, &numbers, &mix, plan, &rollcall.watch).await;
        let measured = measured.with_context(|| rollcall.said())?;
        let row = Row::new(&thousands(size as f64), Layout::Distributed, leads, &measured);
        // pgbench is to have the best plans.
        database.vacuum().await?;
        let limit = limiter.run(Way::Thousand, 2, common.measured()).await?;
        rows.push(SizeRow { size, row, limit });
    }
    drop(rollcall);

    let postgres = database.version().await?;
    let results = Results { postgres, processors: processors(), rows };
    println!("{}", text(&results));
    write_json(&results, common.json.as_deref())
}

fn text(results: &Results) -> String {
    let mut grid = Grid::new(&[
        ("leads before", Align::Right),
        ("leads/s", Align::Right),
        ("of the first filled", Align::Right),
        ("PostgreSQL us/lead", Align::Right),
        ("pgbench leads/s", Align::Right),
        ("of the first filled", Align::Right),
        ("of pgbench", Align::Right),
    ]);
    let base = results.rows.iter().find(|row| row.size > 0);
    for SizeRow { row, limit, .. } in &results.rows {
        let postgres = row.cpu_us.get("PostgreSQL").copied().unwrap_or_default();
        let of = |value: f64, base: Option<f64>| base.map_or("-".to_owned(), |b| ratio(value / b));
        grid.row(vec![
            row.work.clone(),
            thousands(row.leads_per_second),
            of(row.leads_per_second, base.map(|base| base.row.leads_per_second)),
            decimals(postgres),
            thousands(limit.leads_per_second),
            of(limit.leads_per_second, base.map(|base| base.limit.leads_per_second)),
            ratio(row.leads_per_second / limit.leads_per_second),
        ]);
    }
    let mut text = String::new();
    let (leads, connections) = SHAPE;
    let Results { postgres, processors, .. } = results;
    let _ = writeln!(
        text,
        "\n{leads} leads a request, {connections} connections, all new, as the table grows \
         ({processors} processors, PostgreSQL {postgres}).\nThe first row's table was never \
         analysed.\n\n{grid}"
    );
    text
}
