//! The closed model: so many connections, each sending its next request when it has its answer.
//! It finds the throughput.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::Context;
use tokio::{task::LocalSet, time::sleep};

use super::{Measured, Mix, Requests, Tally, Target, request::Numbers};
use crate::system::Watch;

/// How long and by how many.
#[derive(Clone, Copy)]
pub struct Plan {
    /// Connections.
    pub connections: usize,
    /// Not counted.
    pub warm_up: Duration,
    /// Counted.
    pub measured: Duration,
}

/// Runs the plan. What is answered within the time counts, whenever it was sent: over all
/// connections the two ends even out.
pub async fn run(
    target: &Rc<Target>,
    numbers: &Rc<Numbers>,
    mix: &Mix,
    plan: Plan,
    watch: &Watch,
) -> anyhow::Result<Measured> {
    let state = Rc::new(State {
        tally: RefCell::new(Tally::new()),
        counting: Cell::new(false),
        stopping: Cell::new(false),
    });
    let tasks = LocalSet::new();
    let mut callers = Vec::new();
    for _ in 0..plan.connections {
        let (target, numbers) = (Rc::clone(target), Rc::clone(numbers));
        let (mix, state) = (mix.clone(), Rc::clone(&state));
        callers.push(tasks.spawn_local(async move {
            let called = call(&target, &numbers, mix, &state).await;
            // One failure spoils the row: the others need not go on.
            state.stopping.set(true);
            called
        }));
    }
    let (seconds, usage) = tasks
        .run_until(async {
            sleep(plan.warm_up).await;
            let meter = watch.start()?;
            let started = Instant::now();
            state.counting.set(true);
            sleep(plan.measured).await;
            state.counting.set(false);
            let seconds = started.elapsed().as_secs_f64();
            let usage = meter.stop()?;
            state.stopping.set(true);
            for caller in callers {
                caller.await.context("a caller panicked")??;
            }
            anyhow::Ok((seconds, usage))
        })
        .await?;
    let tally = state.tally.replace(Tally::new());
    Ok(Measured { tally, seconds, usage })
}

struct State {
    tally: RefCell<Tally>,
    counting: Cell<bool>,
    stopping: Cell<bool>,
}

/// One connection.
async fn call(target: &Target, numbers: &Numbers, mix: Mix, state: &State) -> anyhow::Result<()> {
    let mut requests = Requests::open(target, mix, numbers).await?;
    while !state.stopping.get() {
        let sent = Instant::now();
        requests.exchange().await?;
        if state.counting.get() {
            state.tally.borrow_mut().count(requests.leads(), sent.elapsed());
        }
    }
    Ok(())
}
