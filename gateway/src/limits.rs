//! How often each key may call.

use std::{
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use governor::{
    DefaultDirectRateLimiter, Quota,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::{InMemoryState, NotKeyed},
};
use moka::sync::Cache;
use uuid::Uuid;

/// Keys whose use is counted at once.
const MAX_KEYS: u64 = 100_000;
/// A bucket that nobody took from for this long is full again.
const REFILLED: Duration = Duration::from_secs(60);

/// No limit, in terms that a caller's arithmetic survives.
const UNLIMITED: u32 = u32::MAX;

/// The rate limiters of all keys, in bounded memory.
pub struct Limits {
    default_per_minute: u32,
    limiters: Cache<(Uuid, u32), Arc<RateLimiter>>,
}

impl Limits {
    /// Limiters with this default, 0 for none.
    pub fn new(default_per_minute: u32) -> Self {
        let limiters = Cache::builder().max_capacity(MAX_KEYS).time_to_idle(2 * REFILLED).build();
        Self { default_per_minute, limiters }
    }

    /// The limiter of a key. It outlives the key's place among the remembered ones, and starts anew
    /// when the key's limit changes.
    pub fn of(&self, key_id: Uuid, per_minute: Option<i32>) -> Arc<RateLimiter> {
        let own = per_minute.and_then(|limit| u32::try_from(limit).ok());
        let per_minute = own.unwrap_or(self.default_per_minute);
        self.limiters.get_with((key_id, per_minute), || Arc::new(RateLimiter::new(per_minute)))
    }
}

type Bucket =
    governor::RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>;

/// Counts the requests of one key: a bucket that holds a minute's worth and refills evenly.
pub struct RateLimiter {
    bucket: Option<(NonZeroU32, Bucket)>,
    clock: DefaultClock,
}

/// What a key may still do, after a request.
pub struct Allowance {
    /// Requests per minute.
    pub limit: u32,
    /// Requests that may follow at once.
    pub remaining: u32,
    /// When the whole limit is there again, in Unix seconds.
    pub reset: u64,
    /// The same, in seconds from now.
    pub reset_in: u64,
    /// Seconds to wait, where the request was one too many.
    pub retry_after: Option<u64>,
}

impl RateLimiter {
    fn new(per_minute: u32) -> Self {
        let bucket = NonZeroU32::new(per_minute).map(|per_minute| {
            let bucket = DefaultDirectRateLimiter::direct(Quota::per_minute(per_minute));
            (per_minute, bucket.with_middleware())
        });
        Self { bucket, clock: DefaultClock::default() }
    }

    /// Counts a request.
    pub fn count(&self) -> Allowance {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let Some((limit, bucket)) = &self.bucket else {
            let (limit, remaining) = (UNLIMITED, UNLIMITED);
            let (reset, reset_in, retry_after) = (now.as_secs(), 0, None);
            return Allowance { limit, remaining, reset, reset_in, retry_after };
        };
        let (remaining, retry_after) = match bucket.check() {
            Ok(state) => (state.remaining_burst_capacity(), None),
            Err(until) => (0, Some(seconds_up(until.wait_time_from(self.clock.now())).max(1))),
        };
        let refill = REFILLED.mul_f64(f64::from(limit.get() - remaining) / f64::from(limit.get()));
        let (reset, reset_in) = (seconds_up(now + refill), seconds_up(refill));
        Allowance { limit: limit.get(), remaining, reset, reset_in, retry_after }
    }
}

fn seconds_up(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

impl Allowance {
    /// Tells the caller, by the documented headers (contract section 1) and by those of
    /// draft-ietf-httpapi-ratelimit-headers, which have no way to say that there is no limit.
    pub fn write(&self, headers: &mut HeaderMap) {
        let mut set = |name, value: HeaderValue| {
            headers.insert(HeaderName::from_static(name), value);
        };
        set("x-ratelimit-limit", self.limit.into());
        set("x-ratelimit-remaining", self.remaining.into());
        set("x-ratelimit-reset", self.reset.into());
        if self.limit == UNLIMITED {
            return;
        }
        let Self { limit, remaining, reset_in, .. } = self;
        let window = REFILLED.as_secs();
        let fields = [
            ("ratelimit-policy", format!("\"default\";q={limit};w={window}")),
            ("ratelimit", format!("\"default\";r={remaining};t={reset_in}")),
        ];
        for (name, value) in fields {
            // Digits and punctuation: there is nothing that a header could not hold.
            if let Ok(value) = HeaderValue::try_from(value) {
                set(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_limit_passes_at_once_whoever_asks() {
        let limiter = Limits::new(100).of(Uuid::nil(), None);
        let passed: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope
                        .spawn(|| (0..50).filter(|_| limiter.count().retry_after.is_none()).count())
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        });
        // One more where the test itself took longer than a refill of 0.6 s.
        assert!((100..=101).contains(&passed), "{passed}");
        assert!(limiter.count().retry_after.is_some_and(|seconds| seconds == 1));
    }

    #[test]
    fn a_key_keeps_its_count_and_its_own_limit() {
        let limits = Limits::new(5);
        assert_eq!(limits.of(Uuid::nil(), None).count().remaining, 4);
        assert_eq!(limits.of(Uuid::nil(), None).count().remaining, 3);
        assert_eq!(limits.of(Uuid::nil(), Some(10)).count().remaining, 9);
        assert_eq!(limits.of(Uuid::max(), None).count().remaining, 4);
    }

    #[test]
    fn zero_is_no_limit() {
        let limiter = Limits::new(0).of(Uuid::nil(), None);
        assert!((0..1_000).all(|_| limiter.count().retry_after.is_none()));
    }
}
