//! Task ids: numbers from one counter, allocated in blocks so that threads do not share a cache
//! line.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of a task. Not an address, and never reused in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TaskId(NonZeroU64);

/// Number of ids that a thread takes at a time. Small enough that ids are roughly in the order of
/// time, large enough that threads seldom touch the shared counter.
pub(super) const BLOCK: u64 = 64;

static NEXT_BLOCK: AtomicU64 = AtomicU64::new(1);

/// Allocates a block of ids and returns the first.
#[cold]
#[inline(never)]
pub(super) fn next_block() -> u64 {
    // Relaxed: no other data depends on the counter.
    NEXT_BLOCK.fetch_add(BLOCK, Ordering::Relaxed)
}

impl TaskId {
    /// The id with this number of the counter, which begins at one.
    pub(super) fn from_counter(number: u64) -> Self {
        TaskId(NonZeroU64::new(number).unwrap_or(NonZeroU64::MIN))
    }

    /// The id with this number, `None` for zero.
    pub(crate) fn from_number(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(TaskId)
    }

    pub(crate) fn number(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
