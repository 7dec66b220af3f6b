//! Task ids: a counter that never gives a number twice, handed out in blocks so that threads do not
//! share a cache line.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of a task: never an address, never used again in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TaskId(NonZeroU64);

/// How many ids a thread takes at a time. Small, so that ids are in the order of time as far as
/// people care; large enough that the shared counter is seldom touched.
pub(super) const BLOCK: u64 = 64;

static NEXT_BLOCK: AtomicU64 = AtomicU64::new(1);

/// The first id of a block that no thread had.
#[cold]
#[inline(never)]
pub(super) fn next_block() -> u64 {
    // Relaxed: the counter orders nothing but itself.
    NEXT_BLOCK.fetch_add(BLOCK, Ordering::Relaxed)
}

impl TaskId {
    /// The id with this number of the counter, which begins at one.
    pub(super) fn from_counter(number: u64) -> Self {
        TaskId(NonZeroU64::new(number).unwrap_or(NonZeroU64::MIN))
    }

    /// The id with this number; `None` for zero, which no task has.
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
