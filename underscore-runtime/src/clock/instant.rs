//! A moment on the clock.

use std::time::Duration;

use super::system::system_nanos;
use super::tsc;
use crate::units::nanos;

/// Nanoseconds since an hour before the clock was first read.
///
/// Eight bytes, which keeps a task's record small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(u64);

impl Instant {
    /// Reads the clock: about 10 ns once calibrated, 25 ns before.
    #[inline]
    pub(crate) fn now() -> Self {
        if let Some(nanos) = tsc::nanos() {
            return Instant(nanos);
        }
        Instant(system_nanos())
    }

    /// The time since `earlier`, zero if that is later: the clocks of two threads may differ by a
    /// few nanoseconds.
    pub(crate) fn since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }

    /// [`since`](Self::since) in nanoseconds.
    pub(crate) fn nanos_since(self, earlier: Instant) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The value in nanoseconds; see the type.
    pub(crate) fn nanos(self) -> u64 {
        self.0
    }

    /// Reverses [`nanos`](Self::nanos).
    pub(crate) fn from_nanos(nanos: u64) -> Self {
        Instant(nanos)
    }

    /// The moment `time` after this one.
    pub(crate) fn after(self, time: Duration) -> Instant {
        Instant(self.0.saturating_add(nanos(time)))
    }

    /// The moment this much earlier, at most the beginning of the clock.
    #[inline]
    pub(crate) fn before(self, time: Duration) -> Instant {
        Instant(self.0.saturating_sub(nanos(time)))
    }

    /// The whole seconds: the key of counts per second.
    pub(crate) fn second(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// The time since that second began.
    pub(crate) fn subsec(self) -> Duration {
        Duration::from_nanos(self.0 % 1_000_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_since_a_later_instant_is_zero() {
        let early = Instant(5);
        let late = Instant(2_000_000_009);
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(late.since(early), Duration::from_nanos(2_000_000_004));
        assert_eq!(late.second(), 2);
        assert_eq!(late.subsec(), Duration::from_nanos(9));
    }

    #[test]
    fn calibration_keeps_the_time_line() {
        let before = Instant::now();
        tsc::calibrate();
        let after = Instant::now();
        let passed = after.since(before);
        assert!(passed < Duration::from_secs(5), "jumped by {passed:?}");
        assert!(after.0 + 1_000_000 > before.0, "ran backwards");
    }
}
