//! The rate limiter of `limit.rate`: an average rate with a burst of one second's worth.

use std::time::Duration;

use crate::clock::Instant;
use crate::sync::Mutex;

/// A rate limiter whose state is a single number.
///
/// It is the generic cell rate algorithm (ITU-T I.371, annex A): the number is the theoretical
/// arrival time of the next request at an even rate. A request that arrives more than one second
/// before it is refused.
#[derive(Debug, Default)]
pub(crate) struct RateLimit {
    /// The theoretical arrival time, in nanoseconds of the clock.
    arrival: Mutex<u64>,
}

impl RateLimit {
    pub(crate) const fn new() -> Self {
        RateLimit {
            arrival: Mutex::new(0),
        }
    }

    /// Admits a request at `now`. `rate` is in requests per second.
    ///
    /// # Errors
    ///
    /// The time until a request is admitted again.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the setting's rate is above 0 and at most 1e9"
    )]
    pub(crate) fn try_acquire(&self, now: Instant, rate: f64) -> Result<(), Duration> {
        let interval = (1e9 / rate).min(1e18) as u64;
        // A rate below one allows a burst of one.
        let tolerance = 1_000_000_000_u64.saturating_sub(interval);
        let now = now.nanos();
        let mut arrival = self.arrival.lock();
        let due = (*arrival).max(now);
        let wait = due.saturating_sub(now).saturating_sub(tolerance);
        if wait > 0 {
            return Err(Duration::from_nanos(wait));
        }
        *arrival = due.saturating_add(interval);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Number of requests that are admitted within `seconds` if one arrives every millisecond.
    fn admitted(rate: f64, seconds: u64) -> u64 {
        let limit = RateLimit::new();
        let start = Instant::now();
        let millis = (0..seconds * 1_000).map(Duration::from_millis);
        let admitted =
            millis.filter(|millis| limit.try_acquire(start.after(*millis), rate).is_ok());
        admitted.count() as u64
    }

    /// Holds 4.25 of docs/admin-api.md.
    #[test]
    fn one_seconds_worth_is_admitted_at_once_and_then_the_even_rate() {
        assert_eq!(admitted(10.0, 10), 10 + 10 * 10 - 1);
        assert_eq!(admitted(0.5, 10), 5);
        assert_eq!(admitted(1_000_000.0, 1), 1_000, "all requests");
    }

    #[test]
    fn a_refused_request_is_admitted_after_the_wait() {
        let (limit, start) = (RateLimit::new(), Instant::now());
        assert_eq!(limit.try_acquire(start, 2.0), Ok(()));
        assert_eq!(limit.try_acquire(start, 2.0), Ok(()));
        let wait = limit.try_acquire(start, 2.0).expect_err("the burst is two");
        assert_eq!(wait, Duration::from_millis(500));
        assert_eq!(limit.try_acquire(start.after(wait), 2.0), Ok(()));
    }
}
