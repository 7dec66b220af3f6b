//! The counters that tokio keeps for each worker.

use std::time::Duration;

use tokio::runtime::RuntimeMetrics;

/// tokio's counters of one worker. They do not change while the worker is inside a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WorkerCounts {
    /// Number of times that it parked, plus the number of times that it was unparked.
    pub(crate) parks: u64,
    /// Total busy time, as far as tokio has counted it: it does so when the worker parks, and after
    /// every 61 polls (`event_interval`).
    pub(crate) busy: Duration,
}

impl WorkerCounts {
    #[cfg(target_has_atomic = "64")]
    pub(crate) fn read(metrics: &RuntimeMetrics, worker: usize) -> Self {
        WorkerCounts {
            parks: metrics.worker_park_unpark_count(worker),
            busy: metrics.worker_total_busy_duration(worker),
        }
    }

    /// tokio counts only on targets with 64-bit atomics.
    #[cfg(not(target_has_atomic = "64"))]
    pub(crate) fn read(_: &RuntimeMetrics, _: usize) -> Self {
        WorkerCounts {
            parks: 0,
            busy: Duration::ZERO,
        }
    }

    /// The counters of every worker of a runtime.
    pub(crate) fn read_all(metrics: &RuntimeMetrics) -> Vec<Self> {
        let workers = 0..metrics.num_workers();
        workers
            .map(|worker| WorkerCounts::read(metrics, worker))
            .collect()
    }

    /// True if the worker is parked: it has parked once more than it was unparked.
    pub(crate) fn is_parked(self) -> bool {
        self.parks % 2 == 1
    }
}
