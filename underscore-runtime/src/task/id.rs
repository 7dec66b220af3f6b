//! Task ids: a counter that never gives a number twice, handed out in blocks so that the workers do
//! not share a cache line; the shard that a thread counts in, and how many of those there are.

use std::cell::Cell;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The number of a task: never an address, never used again in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TaskId(NonZeroU64);

/// How many ids a thread takes at a time. Small, so that numbers stay in the order of time as far as
/// people care; large enough that the shared counter is seldom touched.
const BLOCK: u64 = 64;

/// The most shards: past this many workers, two of them share one.
pub(crate) const MOST_SHARDS: usize = 16;

static NEXT_BLOCK: AtomicU64 = AtomicU64::new(1);
static NEXT_SHARD: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The thread's next id and the end of its block.
    static IDS: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
    static SHARD: Cell<usize> = const { Cell::new(usize::MAX) };
}

impl TaskId {
    #[inline]
    pub(crate) fn next() -> Self {
        let (mut next, mut end) = IDS.get();
        if next == end {
            // Relaxed: the counter orders nothing but itself.
            next = NEXT_BLOCK.fetch_add(BLOCK, Ordering::Relaxed);
            end = next.wrapping_add(BLOCK);
        }
        IDS.set((next.wrapping_add(1), end));
        TaskId(NonZeroU64::new(next).unwrap_or(NonZeroU64::MIN))
    }

    /// The id with this number, if one could have it.
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

/// The number of the calling thread: threads take turns at the shards, in the order in which they
/// first count something.
#[inline]
pub(crate) fn shard() -> usize {
    let shard = SHARD.get();
    if shard != usize::MAX {
        return shard;
    }
    let shard = NEXT_SHARD.fetch_add(1, Ordering::Relaxed);
    SHARD.set(shard);
    shard
}

/// How many shards a count is kept in: a power of two, so that a thread finds its own by masking.
pub(super) fn shards() -> usize {
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(|| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        threads.next_power_of_two().min(MOST_SHARDS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_are_unique_across_threads_and_blocks() {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(|| (0..1000).map(|_| TaskId::next()).collect::<Vec<TaskId>>())
            })
            .collect();
        let ids: Vec<TaskId> = threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("the thread ends"))
            .collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 4000);
    }
}
