//! Number and duration of the polls of one route that blocked a worker.

use std::time::Duration;

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::units::nanos;

/// The counters. Only the sampler writes them.
#[derive(Debug)]
pub(crate) struct Blocking {
    stalls: AtomicU64,
    nanos: AtomicU64,
    longest: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BlockingSnapshot {
    /// Number of polls that blocked a worker.
    pub(crate) stalls: u64,
    /// Their total time.
    pub(crate) time: Duration,
    /// The time of the longest.
    pub(crate) longest: Duration,
}

impl Blocking {
    pub(crate) fn new() -> Self {
        Blocking {
            stalls: AtomicU64::new(0),
            nanos: AtomicU64::new(0),
            longest: AtomicU64::new(0),
        }
    }

    /// Counts a poll that blocks a worker.
    pub(crate) fn add_stall(&self) {
        self.stalls.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds `more` time of a poll that has taken `all` so far.
    pub(crate) fn add_time(&self, more: Duration, all: Duration) {
        self.nanos.fetch_add(nanos(more), Ordering::Relaxed);
        self.longest.fetch_max(nanos(all), Ordering::Relaxed);
    }

    /// Reads the counters.
    pub(crate) fn snapshot(&self) -> BlockingSnapshot {
        let duration = |counter: &AtomicU64| Duration::from_nanos(counter.load(Ordering::Relaxed));
        BlockingSnapshot {
            stalls: self.stalls.load(Ordering::Relaxed),
            time: duration(&self.nanos),
            longest: duration(&self.longest),
        }
    }
}
