//! Chance that can be repeated.

use std::time::{SystemTime, UNIX_EPOCH};

/// Random numbers that follow from a seed (splitmix64, <https://prng.di.unimi.it/splitmix64.c>).
#[derive(Clone)]
pub struct Dice(u64);

impl Dice {
    /// From `ROLLCALL_TEST_SEED`, else from the clock. Prints the seed, which is seen where the
    /// test fails.
    pub fn thrown() -> Self {
        let seed = match std::env::var("ROLLCALL_TEST_SEED") {
            Ok(seed) => seed.parse().expect("ROLLCALL_TEST_SEED is a number"),
            Err(_) => of_the_clock(),
        };
        println!("ROLLCALL_TEST_SEED={seed}");
        Self(seed)
    }

    /// For choices that a repetition need not make again.
    pub fn of_the_clock() -> Self {
        Self(of_the_clock())
    }

    /// Other dice, for somebody who throws at the same time.
    pub fn split(&mut self) -> Self {
        Self(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number from 0 to one below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    /// Brings these into any order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end as u64 + 1) as usize);
        }
    }
}

fn of_the_clock() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    now.as_nanos() as u64
}
