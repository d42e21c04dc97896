//! What callers noticed while something was lost.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// What callers may notice of a loss.
#[derive(Clone, Copy)]
pub struct Bounds {
    /// No request may take longer.
    pub longest: Duration,
    /// How a request may fail.
    pub statuses: &'static [u16],
    /// Of a thousand requests, so many may fail.
    pub failed_per_mille: usize,
}

/// One request, or one try of it.
#[derive(Clone, Debug)]
struct Noticed {
    kind: &'static str,
    ended: Instant,
    took: Duration,
    /// `None` where there was no answer at all.
    status: Option<u16>,
}

/// All that callers noticed, shared by them.
#[derive(Clone, Default)]
pub struct Observed(Arc<Mutex<Vec<Noticed>>>);

impl Observed {
    /// Takes note of a request.
    pub fn add(&self, kind: &'static str, took: Duration, status: Option<u16>) {
        let noticed = Noticed { kind, ended: Instant::now(), took, status };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(noticed);
    }

    /// Prints what was noticed since then, and forgets it. Returns what must not be.
    pub fn report(&self, what: &str, since: Instant, bounds: Bounds) -> Vec<String> {
        let noticed = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let slowest = noticed.iter().map(|one| one.took).max().unwrap_or_default();
        let failed: Vec<_> =
            noticed.iter().filter(|one| one.status.is_none_or(|status| status >= 300)).collect();
        let recovered = failed.iter().map(|one| one.ended.duration_since(since)).max();
        let mut by_status: BTreeMap<(&str, Option<u16>), usize> = BTreeMap::new();
        failed.iter().for_each(|one| *by_status.entry((one.kind, one.status)).or_default() += 1);
        println!(
            "{what:<24} {:>6} requests, slowest {:>5.1} s, last failure after {:>4.1} s, failures {by_status:?}",
            noticed.len(),
            slowest.as_secs_f64(),
            recovered.unwrap_or_default().as_secs_f64(),
        );
        let too_slow = noticed.iter().filter(|one| one.took > bounds.longest);
        let too_slow = too_slow.map(|one| format!("{what}: {} took {:?}", one.kind, one.took));
        let allowed = |one: &Noticed| one.status.is_some_and(|is| bounds.statuses.contains(&is));
        let wrong = failed.iter().filter(|one| !allowed(one));
        let wrong = wrong.map(|one| format!("{what}: {} was answered {:?}", one.kind, one.status));
        let many = failed.len() * 1_000 > noticed.len() * bounds.failed_per_mille;
        let many = many.then(|| format!("{what}: {} of {} failed", failed.len(), noticed.len()));
        too_slow.chain(wrong).chain(many).collect()
    }
}
