//! The last two minutes of one workspace.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use schemars::JsonSchema;
use serde::Serialize;
use shared::contract::Summary;

/// How many whole seconds are shown.
const SHOWN: u64 = 120;
/// Those, and the one that is under way.
const SLOTS: usize = SHOWN as usize + 1;
/// Durations are counted in classes, each half as long again as two before it, so that a percentile is
/// right to within a fifth: from [`SHORTEST`] to half a minute.
const CLASSES: usize = 36;
const SHORTEST: Duration = Duration::from_micros(250);

/// A ring of seconds. One short lock for each request.
pub struct Ring(Mutex<Box<[Slot]>>);

/// What happened in one second.
#[derive(Clone, Copy)]
struct Slot {
    /// Which, in Unix seconds.
    second: u64,
    requests: u32,
    refused: u32,
    leads: Summary,
    durations: [u32; CLASSES],
}

const EMPTY: Slot = Slot {
    second: 0,
    requests: 0,
    refused: 0,
    leads: Summary {
        total: 0,
        added: 0,
        already_in_campaign: 0,
        failed: 0,
        suppressed: 0,
        skipped: 0,
        not_applied: 0,
    },
    durations: [0; CLASSES],
};

/// What came in, second by second: each list has a place for every second, the oldest first.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Intake")]
pub struct Seconds {
    /// The first of the seconds, in Unix time.
    pub from: u64,
    /// Requests to the main endpoint that were answered.
    pub requests: Vec<u32>,
    /// Those of them that were answered with an error.
    pub refused: Vec<u32>,
    /// Leads by what became of them, those of big submissions too.
    pub leads: Leads,
    /// How long the requests took.
    pub latency_ms: Latency,
}

/// Leads by what became of them.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "IntakeLeads")]
pub struct Leads {
    /// Added to a campaign.
    pub added: Vec<usize>,
    /// In the campaign before.
    pub already_in_campaign: Vec<usize>,
    /// Rejected.
    pub failed: Vec<usize>,
    /// Not to be contacted.
    pub suppressed: Vec<usize>,
    /// Passed over.
    pub skipped: Vec<usize>,
}

/// Percentiles in milliseconds, to within a fifth; `null` where there was no request.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "IntakeLatency")]
pub struct Latency {
    /// Half of the requests took no longer.
    pub p50: Vec<Option<f64>>,
    /// Of twenty requests, nineteen took no longer.
    pub p95: Vec<Option<f64>>,
}

impl Default for Ring {
    fn default() -> Self {
        Self(Mutex::new(vec![EMPTY; SLOTS].into()))
    }
}

impl Ring {
    /// Counts a request to the main endpoint that was answered, with an error or not.
    pub fn answered(&self, took: Duration, refused: bool) {
        self.count(|slot| {
            slot.requests += 1;
            slot.refused += u32::from(refused);
            slot.durations[class(took)] += 1;
        });
    }

    /// Counts leads.
    pub fn settled(&self, leads: &Summary) {
        self.count(|slot| slot.leads.add(leads));
    }

    /// The last whole seconds.
    pub fn seconds(&self) -> Seconds {
        self.seconds_before(now())
    }

    fn count(&self, change: impl FnOnce(&mut Slot)) {
        self.count_at(now(), change);
    }

    fn count_at(&self, second: u64, change: impl FnOnce(&mut Slot)) {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = &mut slots[place(second)];
        if slot.second != second {
            *slot = Slot { second, ..EMPTY };
        }
        change(slot);
    }

    fn seconds_before(&self, now: u64) -> Seconds {
        let from = now.saturating_sub(SHOWN);
        let slots = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let shown: Vec<Slot> = (from..now)
            .map(|second| Some(slots[place(second)]).filter(|slot| slot.second == second))
            .map(|slot| slot.unwrap_or(EMPTY))
            .collect();
        let leads = |of: fn(&Summary) -> usize| shown.iter().map(|slot| of(&slot.leads)).collect();
        let percentile = |percent| shown.iter().map(|slot| slot.percentile(percent)).collect();
        Seconds {
            from,
            requests: shown.iter().map(|slot| slot.requests).collect(),
            refused: shown.iter().map(|slot| slot.refused).collect(),
            leads: Leads {
                added: leads(|leads| leads.added),
                already_in_campaign: leads(|leads| leads.already_in_campaign),
                failed: leads(|leads| leads.failed),
                suppressed: leads(|leads| leads.suppressed),
                skipped: leads(|leads| leads.skipped),
            },
            latency_ms: Latency { p50: percentile(50), p95: percentile(95) },
        }
    }
}

impl Slot {
    /// The longest that this percentage of the requests took, in milliseconds.
    fn percentile(&self, percent: u64) -> Option<f64> {
        let wanted = (u64::from(self.requests) * percent).div_ceil(100);
        let mut counted = 0;
        let class = self.durations.iter().position(|count| {
            counted += u64::from(*count);
            *count > 0 && counted >= wanted
        })?;
        let longest = SHORTEST.as_secs_f64() * 1_000.0 * 2_f64.powf(class as f64 / 2.0);
        Some((longest * 100.0).round() / 100.0)
    }
}

/// The class of a duration: the first whose longest it does not exceed.
fn class(took: Duration) -> usize {
    let times = took.as_secs_f64() / SHORTEST.as_secs_f64();
    // Casting takes what is below the first class to it.
    ((2.0 * times.log2()).ceil() as usize).min(CLASSES - 1)
}

fn place(second: u64) -> usize {
    (second % SLOTS as u64) as usize
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_seconds_are_shown_and_old_ones_forgotten() {
        let ring = Ring::default();
        let leads = Summary { total: 3, added: 2, failed: 1, ..Summary::default() };
        for second in [1_000, 1_001, 1_001] {
            ring.count_at(second, |slot| slot.leads.add(&leads));
        }
        let shown = ring.seconds_before(1_001);
        assert_eq!((shown.from, shown.leads.added.len()), (881, SHOWN as usize));
        assert_eq!(shown.leads.added.last(), Some(&2), "the second under way is not whole");
        assert_eq!(shown.leads.added.iter().sum::<usize>(), 2);
        let shown = ring.seconds_before(1_002);
        assert_eq!(shown.leads.added[118..], [2, 4]);
        assert_eq!(shown.leads.failed[118..], [1, 2]);
        // Another second takes the place of an old one.
        ring.count_at(1_000 + SLOTS as u64, |slot| slot.requests = 1);
        assert_eq!(ring.seconds_before(1_122).leads.added[0], 0, "second 1,002");
        assert_eq!(ring.seconds_before(1_121).leads.added[0], 4, "second 1,001");
        assert_eq!(ring.seconds_before(5_000).leads.added, [0; SHOWN as usize]);
    }

    #[test]
    fn percentiles_are_right_to_within_a_fifth() {
        let ring = Ring::default();
        for ms in 1..=1_000 {
            ring.count_at(7, |slot| {
                slot.requests += 1;
                slot.durations[class(Duration::from_millis(ms))] += 1;
            });
        }
        let Latency { p50, p95 } = ring.seconds_before(8).latency_ms;
        let (p50, p95) = (p50.last().copied().flatten(), p95.last().copied().flatten());
        assert!((400.0..=600.0).contains(&p50.expect("a time")), "{p50:?}");
        assert!((760.0..=1_140.0).contains(&p95.expect("a time")), "{p95:?}");
        assert_eq!(ring.seconds_before(7).latency_ms.p50.last(), Some(&None));
    }

    #[test]
    fn every_duration_has_a_class() {
        for (took, expected) in [
            (Duration::ZERO, 0),
            (SHORTEST, 0),
            (2 * SHORTEST, 2),
            (Duration::from_secs(3_600), CLASSES - 1),
        ] {
            assert_eq!(class(took), expected, "{took:?}");
        }
    }
}
