//! The open model: requests arrive at a fixed rate, whether earlier ones are answered or not, and a
//! latency counts from when its request was to start. A closed model would send less while the
//! system is slow, and so hide it.

use std::{
    cell::RefCell,
    rc::Rc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use tokio::{
    sync::{
        Mutex,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
    task::LocalSet,
    time::sleep_until,
};

use super::{Measured, Mix, Requests, Tally, Target, request::Numbers};
use crate::system::Watch;

/// Enough for every request under way at twice the latency that is bearable.
const CONNECTIONS: usize = 256;

/// How long and how often.
#[derive(Clone, Copy)]
pub struct Plan {
    /// Requests a second.
    pub rate: f64,
    /// Not counted.
    pub warm_up: Duration,
    /// Counted.
    pub measured: Duration,
}

/// Runs the plan: requests that were to start within the time count, however late they are
/// answered.
pub async fn run(
    target: &Rc<Target>,
    numbers: &Rc<Numbers>,
    mix: &Mix,
    plan: Plan,
    watch: &Watch,
) -> anyhow::Result<Measured> {
    let (due, arrivals) = unbounded_channel();
    let arrivals = Rc::new(Mutex::new(arrivals));
    let tally = Rc::new(RefCell::new(Tally::new()));
    // Time for all to connect.
    let begin = Instant::now() + Duration::from_millis(200);
    let (from, to) = (begin + plan.warm_up, begin + plan.warm_up + plan.measured);

    let tasks = LocalSet::new();
    let mut callers = Vec::new();
    for _ in 0..CONNECTIONS {
        let (target, numbers, mix) = (Rc::clone(target), Rc::clone(numbers), mix.clone());
        let (arrivals, tally) = (Rc::clone(&arrivals), Rc::clone(&tally));
        callers.push(tasks.spawn_local(async move {
            let mut requests = Requests::open(&target, mix, &numbers).await?;
            while let Some(intended) = next(&arrivals).await {
                requests.exchange().await?;
                if intended >= from {
                    tally.borrow_mut().count(requests.leads(), intended.elapsed());
                }
            }
            anyhow::Ok(())
        }));
    }
    // A thread of its own, because the runtime's timer knows only whole milliseconds.
    let clock = thread::spawn(move || tick(&due, begin, to, plan.rate));
    let usage = tasks
        .run_until(async {
            sleep_until(from.into()).await;
            let meter = watch.start()?;
            sleep_until(to.into()).await;
            let usage = meter.stop()?;
            for caller in callers {
                caller.await.context("a caller panicked")??;
            }
            anyhow::Ok(usage)
        })
        .await?;
    clock.join().map_err(|_| anyhow::anyhow!("the clock panicked"))?;
    let tally = tally.replace(Tally::new());
    ensure!(tally.requests > 0, "no request was counted");
    Ok(Measured { tally, seconds: plan.measured.as_secs_f64(), usage })
}

/// The next arrival; first come, first served.
async fn next(arrivals: &Mutex<UnboundedReceiver<Instant>>) -> Option<Instant> {
    arrivals.lock().await.recv().await
}

/// Announces each request when it is to start.
fn tick(due: &UnboundedSender<Instant>, begin: Instant, end: Instant, rate: f64) {
    for place in 0_u32.. {
        let intended = begin + Duration::from_secs_f64(f64::from(place) / rate);
        if intended >= end {
            return;
        }
        thread::sleep(intended.saturating_duration_since(Instant::now()));
        if due.send(intended).is_err() {
            return;
        }
    }
}
