//! The limit after which a poll counts as blocking, one for the whole process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::units::nanos;

/// Longer than any well-behaved poll, and short enough to be noticed before users notice.
const DEFAULT: u64 = 100_000_000;

/// The limit in nanoseconds.
static LIMIT: AtomicU64 = AtomicU64::new(DEFAULT);

/// The time after which a poll counts as blocking its worker.
pub(crate) fn blocked_after() -> Duration {
    // Relaxed: an independent number.
    Duration::from_nanos(LIMIT.load(Ordering::Relaxed))
}

/// Sets the limit.
pub(crate) fn set_blocked_after(limit: Duration) {
    LIMIT.store(nanos(limit), Ordering::Relaxed);
}
