//! The monotonic clock of every duration: the TSC where the processor keeps it steady, the system's
//! clock otherwise. Times of day are made from it where they are shown, not kept.

mod tsc;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub(crate) use tsc::calibrate_in_background;

use crate::units::nanos;

/// Nanoseconds since an hour before the clock was first read.
///
/// Eight bytes, so that a task's record and a message to the admin side stay small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(u64);

/// The first reading: an hour, so that a window of the last minutes never begins before zero.
const FIRST: u64 = 3_600_000_000_000;

impl Instant {
    /// Reads the clock: about 10 ns once calibrated, 25 before.
    #[inline]
    pub(crate) fn now() -> Self {
        if let Some(nanos) = tsc::nanos() {
            return Instant(nanos);
        }
        Instant(system_nanos())
    }

    /// The time since `earlier`, zero if that is later: two threads may disagree by some nanoseconds.
    pub(crate) fn since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }

    /// [`since`](Self::since) in nanoseconds.
    pub(crate) fn nanos_since(self, earlier: Instant) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The number that it is: see the type.
    pub(crate) fn nanos(self) -> u64 {
        self.0
    }

    /// The moment with this number.
    pub(crate) fn from_nanos(nanos: u64) -> Self {
        Instant(nanos)
    }

    /// The moment so long after this one.
    pub(crate) fn after(self, time: Duration) -> Instant {
        Instant(self.0.saturating_add(nanos(time)))
    }

    /// The second this falls into; what is counted per second is counted under this number.
    pub(crate) fn second(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// How much of that second has passed.
    pub(crate) fn subsec(self) -> Duration {
        Duration::from_nanos(self.0 % 1_000_000_000)
    }
}

/// The time of the last tick of whoever keeps the coarse clock; zero while nobody does.
static COARSE: AtomicU64 = AtomicU64::new(0);

/// Sets the coarse clock. To be called every few milliseconds, by one thread.
pub(crate) fn publish_coarse(now: Instant) {
    // Relaxed: a plain number, here and wherever it is read.
    COARSE.store(now.0, Ordering::Relaxed);
}

/// Whether somebody keeps the coarse clock.
pub(crate) fn is_coarse_running() -> bool {
    COARSE.load(Ordering::Relaxed) != 0
}

/// Nobody keeps the coarse clock any more.
pub(crate) fn stop_coarse() {
    COARSE.store(0, Ordering::Relaxed);
}

/// A moment that one thread notes and others read, to a tick of the coarse clock: to note it costs a load
/// and a store, and no clock is read.
#[derive(Debug)]
pub(crate) struct AtomicInstant(AtomicU64);

impl AtomicInstant {
    pub(crate) const fn never() -> Self {
        AtomicInstant(AtomicU64::new(0))
    }

    /// Notes the moment.
    #[inline]
    pub(crate) fn set_coarse(&self) {
        self.0
            .store(COARSE.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Whether another tick has come than the one that was noted.
    #[inline]
    pub(crate) fn is_behind(&self) -> bool {
        self.0.load(Ordering::Relaxed) != COARSE.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn set(&self, moment: Option<Instant>) {
        self.0
            .store(moment.map_or(0, |moment| moment.0), Ordering::Relaxed);
    }

    /// The moment that was noted; nothing where nobody kept the clock then.
    #[inline]
    pub(crate) fn get(&self) -> Option<Instant> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            nanos => Some(Instant(nanos)),
        }
    }
}

fn system_nanos() -> u64 {
    static ORIGIN: OnceLock<std::time::Instant> = OnceLock::new();
    let passed = ORIGIN.get_or_init(std::time::Instant::now).elapsed();
    FIRST.saturating_add(nanos(passed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_instant_is_no_time_ago() {
        let early = Instant(5);
        let late = Instant(2_000_000_009);
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(late.since(early), Duration::from_nanos(2_000_000_004));
        assert_eq!(late.second(), 2);
        assert_eq!(late.subsec(), Duration::from_nanos(9));
    }
}
