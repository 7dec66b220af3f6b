//! The limit of `limit.rate`: lets so many pass in a second, on average and one second's worth at once.

use std::time::Duration;

use crate::clock::Instant;
use crate::sync::Mutex;

/// A limit that keeps a single number.
///
/// It is the generic cell rate algorithm (ITU-T I.371, annex A): the number is when the next one would come
/// if all had come evenly, and whoever comes earlier than that by more than a second is turned away.
#[derive(Debug, Default)]
pub(crate) struct RateLimit {
    /// In nanoseconds of the clock.
    even: Mutex<u64>,
}

impl RateLimit {
    pub(crate) const fn new() -> Self {
        RateLimit {
            even: Mutex::new(0),
        }
    }

    /// Passes at `now`, or says how long to wait. `rate` is in passes per second.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the setting says that a rate is above 0 and at most 1e9"
    )]
    pub(crate) fn try_acquire(&self, now: Instant, rate: f64) -> Result<(), Duration> {
        let interval = (1e9 / rate).min(1e18) as u64;
        // A rate below one has no more at once than one.
        let early = 1_000_000_000_u64.saturating_sub(interval);
        let now = now.nanos();
        let mut even = self.even.lock();
        let due = (*even).max(now);
        let wait = due.saturating_sub(now).saturating_sub(early);
        if wait > 0 {
            return Err(Duration::from_nanos(wait));
        }
        *even = due.saturating_add(interval);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of those that come every millisecond pass within `seconds`.
    fn passed(rate: f64, seconds: u64) -> u64 {
        let limit = RateLimit::new();
        let start = Instant::now();
        let millis = (0..seconds * 1_000).map(Duration::from_millis);
        let passes = millis.filter(|millis| limit.try_acquire(start.after(*millis), rate).is_ok());
        passes.count() as u64
    }

    /// Holds 4.25 of docs/admin-api.md.
    #[test]
    fn a_seconds_worth_passes_at_once_and_then_one_after_the_other() {
        assert_eq!(passed(10.0, 10), 10 + 10 * 10 - 1);
        assert_eq!(passed(0.5, 10), 5);
        assert_eq!(passed(1_000_000.0, 1), 1_000, "all that come");
    }

    #[test]
    fn who_is_turned_away_passes_after_the_wait() {
        let (limit, start) = (RateLimit::new(), Instant::now());
        assert_eq!(limit.try_acquire(start, 2.0), Ok(()));
        assert_eq!(limit.try_acquire(start, 2.0), Ok(()));
        let wait = limit
            .try_acquire(start, 2.0)
            .expect_err("two at once are the most");
        assert_eq!(wait, Duration::from_millis(500));
        assert_eq!(limit.try_acquire(start.after(wait), 2.0), Ok(()));
    }
}
