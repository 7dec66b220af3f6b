//! The limit after which a poll counts as blocking, one for the whole process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::sync::Mutex;
use crate::units::nanos;

/// Longer than any well-behaved poll, and short enough to be noticed before users notice.
const DEFAULT: u64 = 100_000_000;

/// The limit in nanoseconds.
static LIMIT: AtomicU64 = AtomicU64::new(DEFAULT);

/// The limit that a server has set, `None` while the default applies.
static CHOSEN: Mutex<Option<Duration>> = Mutex::new(None);

/// The time after which a poll counts as blocking its worker.
pub(crate) fn blocked_after() -> Duration {
    // Relaxed: an independent number.
    Duration::from_nanos(LIMIT.load(Ordering::Relaxed))
}

/// Sets the limit. Fails with the limit that an earlier call has set if it is another one: the
/// process cannot have two.
pub(crate) fn set_blocked_after(limit: Duration) -> Result<(), Duration> {
    let mut chosen = CHOSEN.lock();
    let in_force = *chosen.get_or_insert(limit);
    if in_force != limit {
        return Err(in_force);
    }
    LIMIT.store(nanos(limit), Ordering::Relaxed);
    Ok(())
}
