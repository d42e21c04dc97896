//! Pauses between attempts.

use std::time::Duration;

/// This long, give or take a tenth, so that what failed together does not come back together.
pub fn jittered(pause: Duration) -> Duration {
    let mut random = [0; 2];
    // Without random bytes, without jitter.
    let share = match getrandom::fill(&mut random) {
        Ok(()) => f64::from(u16::from_le_bytes(random)) / f64::from(u16::MAX),
        Err(_) => 0.5,
    };
    pause.mul_f64(0.9 + 0.2 * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_within_a_tenth() {
        for _ in 0..1_000 {
            let pause = jittered(Duration::from_secs(10));
            assert!((9.0..=11.0).contains(&pause.as_secs_f64()), "{pause:?}");
        }
    }
}
