//! The setting `slow_after` of a route, with the value that it had before its last change: a request
//! that is in flight at a change of the setting may become slow by it.

use std::time::Duration;

use crate::clock::Instant;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::units::nanos;

/// The time after which a request of a route is slow.
#[derive(Debug)]
pub(crate) struct SlowAfter {
    /// In nanoseconds.
    now: AtomicU64,
    before: AtomicU64,
    changed: AtomicU64,
}

impl SlowAfter {
    pub(crate) fn new(time: Duration) -> Self {
        SlowAfter {
            now: AtomicU64::new(nanos(time)),
            before: AtomicU64::new(nanos(time)),
            changed: AtomicU64::new(0),
        }
    }

    /// Sets the value from `at` on. The caller holds a lock that all changes of the route take.
    pub(crate) fn set(&self, time: Duration, at: Instant) {
        let (time, before) = (nanos(time), self.nanos());
        if time == before {
            return;
        }
        self.before.store(before, Ordering::Relaxed);
        // Release: see `at`.
        self.changed.store(at.nanos(), Ordering::Release);
        self.now.store(time, Ordering::Release);
    }

    /// The value of this moment, in nanoseconds.
    #[inline]
    pub(crate) fn nanos(&self) -> u64 {
        // Relaxed: no other data depends on it.
        self.now.load(Ordering::Relaxed)
    }

    /// The value at a moment since the last change but one. It is the same whenever it is read,
    /// unless the change was being made at that moment.
    pub(crate) fn at(&self, at: Instant) -> Duration {
        // Acquire: who reads the new value reads the moment of its change, too, and who reads that
        // reads the value before it.
        let now = self.now.load(Ordering::Acquire);
        let is_before = at.nanos() < self.changed.load(Ordering::Acquire);
        Duration::from_nanos(if is_before {
            self.before.load(Ordering::Relaxed)
        } else {
            now
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_before_the_change_has_the_value_before_it() {
        let [hour, second] = [3_600, 1].map(Duration::from_secs);
        let change = Instant::now().after(hour);
        let slow_after = SlowAfter::new(hour);
        slow_after.set(second, change);
        assert_eq!(slow_after.at(change.before(second)), hour);
        assert_eq!(slow_after.at(change), second);
        assert_eq!(slow_after.nanos(), 1_000_000_000);
        slow_after.set(second, change.after(second));
        assert_eq!(slow_after.at(change.before(second)), hour, "no change");
    }
}
