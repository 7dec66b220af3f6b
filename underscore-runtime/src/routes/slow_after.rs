//! The setting `slow_after` of a route. A request in flight may become slow by a change of it, so
//! that looks at requests need the value of each of their moments.

use std::time::Duration;

use crate::clock::Instant;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::units::nanos;

/// The time after which a request of a route is slow.
#[derive(Debug)]
pub(crate) struct SlowAfter {
    /// The latest value, in nanoseconds.
    nanos: AtomicU64,
    values: Mutex<Values>,
}

#[derive(Clone, Copy, Debug)]
struct Values {
    latest: Duration,
    before: Duration,
    /// When the latest value came into force, `None` for the first one.
    changed: Option<Instant>,
}

impl SlowAfter {
    pub(crate) fn new(time: Duration) -> Self {
        SlowAfter {
            nanos: AtomicU64::new(nanos(time)),
            values: Mutex::new(Values {
                latest: time,
                before: time,
                changed: None,
            }),
        }
    }

    /// Changes the value from now on.
    pub(super) fn set(&self, time: Duration) {
        // The moment is taken under the lock: see `at`.
        self.change(time, Instant::now);
    }

    pub(crate) fn change(&self, time: Duration, at: impl FnOnce() -> Instant) {
        let mut values = self.values.lock();
        if time == values.latest {
            return;
        }
        // Before the moment is taken: a look that reads the former value is that of an earlier one.
        self.nanos.store(nanos(time), Ordering::SeqCst);
        *values = Values {
            latest: time,
            before: values.latest,
            changed: Some(at()),
        };
    }

    /// The latest value, in nanoseconds.
    #[inline]
    pub(crate) fn nanos(&self) -> u64 {
        // Relaxed: no other data depends on it.
        self.nanos.load(Ordering::Relaxed)
    }

    /// The values at these moments, which are past. Those of a moment are the same whenever they
    /// are read, unless there were two changes since: a change is made at a later moment than that
    /// of any earlier call.
    pub(crate) fn at<const MOMENTS: usize>(
        &self,
        moments: [Instant; MOMENTS],
    ) -> [Duration; MOMENTS] {
        let Values {
            latest,
            before,
            changed,
        } = *self.values.lock();
        let is_before = |at: Instant| changed.is_some_and(|changed| at < changed);
        moments.map(|at| if is_before(at) { before } else { latest })
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
        slow_after.change(second, || change);
        assert_eq!(
            slow_after.at([change.before(second), change]),
            [hour, second]
        );
        assert_eq!(slow_after.nanos(), 1_000_000_000);
        slow_after.change(second, || change.after(second));
        assert_eq!(slow_after.at([change]), [second], "no change");
    }
}
