//! `bench table`: the rows, one after the other, each from empty tables.

use std::{rc::Rc, time::Duration};

use anyhow::{Context, ensure};

use crate::{
    cli::TableOptions,
    limit::Limiter,
    load::{Measured, Mix, Numbers, closed, open},
    report,
    results::{Results, Row, processors, write_json},
    system::{Database, Layout, Place, Rollcall},
};

/// Leads a request and connections.
pub const SHAPES: [(usize, usize); 4] = [(1, 64), (10, 32), (100, 16), (1_000, 8)];
/// The shapes that `rollcall up` is measured with.
pub const IN_PROCESS: [(usize, usize); 2] = [(1, 64), (1_000, 8)];
/// The row of an idle system.
pub const IDLE: &str = "1 x 1, idle";
/// The row whose throughput sets the rate of the open model.
const SINGLE: (usize, usize) = (1, 64);

/// The name of a row.
pub fn name((leads, connections): (usize, usize), seen: bool) -> String {
    let what = if seen { "half seen" } else { "new" };
    format!("{leads} x {connections}, {what}")
}

/// Measures and reports.
pub async fn run(options: &TableOptions) -> anyhow::Result<()> {
    let place = Place::find()?;
    let database = Database::connect(&place.database_url).await?;
    let numbers = Rc::new(Numbers::default());
    let mut bench = Bench { options, database: &database, numbers, rows: Vec::new() };

    let rollcall = Rollcall::start(&place, Layout::Distributed).await?;
    let campaign = &rollcall.target.campaign;
    let limiter = Limiter::new(&place, &database, &rollcall.watch, campaign).await?;
    let measured = options.common.measured();
    eprintln!("the limit");
    let before = limiter.measure(measured).await?;
    let open = bench.distributed(&rollcall).await?;
    eprintln!("the limit, again");
    let after = limiter.measure(measured).await?;
    drop(rollcall);
    bench.in_process(&place).await?;

    let results = Results {
        postgres: database.version().await?,
        processors: processors(),
        limits: [before, after],
        limit: before.mean(&after),
        rows: bench.rows,
        open,
    };
    println!("{}", report::text(&results));
    write_json(&results, options.common.json.as_deref())
}

struct Bench<'a> {
    options: &'a TableOptions,
    database: &'a Database,
    numbers: Rc<Numbers>,
    rows: Vec<Row>,
}

impl Bench<'_> {
    /// The rows of three processes and a broker; returns the open model's.
    async fn distributed(&mut self, rollcall: &Rollcall) -> anyhow::Result<Option<Row>> {
        let layout = Layout::Distributed;
        self.row(rollcall, layout, IDLE, (1, 1), false).await?;
        for shape in SHAPES {
            for seen in [false, true] {
                self.row(rollcall, layout, &name(shape, seen), shape, seen).await?;
            }
        }
        let single = name(SINGLE, false);
        let Some(single) = self.rows.iter().find(|row| row.work == single) else { return Ok(None) };
        let rate = single.requests_per_second * self.options.arrivals;
        Ok(Some(self.open(rollcall, rate).await?))
    }

    async fn in_process(&mut self, place: &Place) -> anyhow::Result<()> {
        if !IN_PROCESS.into_iter().any(|shape| self.is_wanted(&name(shape, false))) {
            return Ok(());
        }
        let rollcall = Rollcall::start(place, Layout::InProcess).await?;
        for shape in IN_PROCESS {
            self.row(&rollcall, Layout::InProcess, &name(shape, false), shape, false).await?;
        }
        Ok(())
    }

    fn is_wanted(&self, work: &str) -> bool {
        work.contains(&self.options.only)
    }

    async fn row(
        &mut self,
        rollcall: &Rollcall,
        layout: Layout,
        work: &str,
        (leads, connections): (usize, usize),
        seen: bool,
    ) -> anyhow::Result<()> {
        if !self.is_wanted(work) {
            return Ok(());
        }
        eprintln!("{work}{}", if layout == Layout::InProcess { ", in process" } else { "" });
        let common = &self.options.common;
        let plan =
            closed::Plan { connections, warm_up: common.warm_up(), measured: common.measured() };
        let first = self.numbers.next();
        self.database.empty().await?;
        let mut mix = Mix { leads, seen: None };
        if seen {
            let post = closed::Plan { warm_up: Duration::ZERO, measured: plan.warm_up, ..plan };
            self.closed(rollcall, &mix, post).await?;
            mix.seen = Some(first..self.numbers.next());
        }
        let measured = self.closed(rollcall, &mix, plan).await;
        let measured = measured.with_context(|| format!("{work}\n{}", rollcall.said()))?;
        self.check(first).await?;
        self.rows.push(Row::new(work, layout, leads, &measured));
        Ok(())
    }

    async fn closed(
        &self,
        rollcall: &Rollcall,
        mix: &Mix,
        plan: closed::Plan,
    ) -> anyhow::Result<Measured> {
        closed::run(&rollcall.target, &self.numbers, mix, plan, &rollcall.watch).await
    }

    async fn open(&self, rollcall: &Rollcall, rate: f64) -> anyhow::Result<Row> {
        let work = format!("{rate:.0} single leads a second");
        eprintln!("{work}");
        let common = &self.options.common;
        let plan = open::Plan { rate, warm_up: common.warm_up(), measured: common.measured() };
        let first = self.numbers.next();
        self.database.empty().await?;
        let mix = Mix { leads: 1, seen: None };
        let measured =
            open::run(&rollcall.target, &self.numbers, &mix, plan, &rollcall.watch).await;
        let measured = measured.with_context(|| format!("{work}\n{}", rollcall.said()))?;
        self.check(first).await?;
        Ok(Row::new(&work, Layout::Distributed, 1, &measured))
    }

    /// Every lead that was answered must be stored and linked, once.
    async fn check(&self, first: u64) -> anyhow::Result<()> {
        let sent = self.numbers.next() - first;
        let (leads, links) = self.database.counts().await?;
        ensure!(
            leads == sent && links == sent,
            "{sent} leads were sent; {leads} are stored, {links} linked"
        );
        Ok(())
    }
}
