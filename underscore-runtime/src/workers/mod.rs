//! The workers of tokio's runtimes, and the sampler that finds those that are blocked. What a
//! thread says of itself is in `threads`.

mod discovery;
mod identify;
mod report;
mod runtimes;
mod sampler;
mod stall;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::Id;

pub(crate) use runtimes::{WorkerSnapshot, WorkerState, unregister, workers};
pub(crate) use sampler::start;

use crate::units::nanos;

/// A poll that takes longer than this blocks its worker, in nanoseconds.
static BLOCKED_AFTER: AtomicU64 = AtomicU64::new(DEFAULT_BLOCKED_AFTER);

/// Long enough for any poll that is written with care, short enough to be seen before users see it.
const DEFAULT_BLOCKED_AFTER: u64 = 100_000_000;

/// How long a poll may take before its worker counts as blocked.
pub(crate) fn blocked_after() -> Duration {
    // Relaxed: a plain number.
    Duration::from_nanos(BLOCKED_AFTER.load(Ordering::Relaxed))
}

/// Sets how long a poll may take, for the whole process.
pub(crate) fn set_blocked_after(limit: Duration) {
    BLOCKED_AFTER.store(nanos(limit), Ordering::Relaxed);
}

/// Notes that the runtime of the calling thread, if it is in one, is one that serves requests: its workers
/// are listed before the first request comes, until it is forgotten.
pub(crate) fn register_current_runtime() -> Option<Id> {
    runtimes::register_current()
}
