//! A snapshot of every worker, from tokio's counters, the record of its thread and the data of the
//! sampler.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::identify::{record_of, settle};
use super::runtimes::{RUNTIMES, RuntimeEntry, is_parked};
use super::stall::Stall;
use crate::clock::Instant;
use crate::task::TaskId;
use crate::threads::{self, RuntimeNumber, Thread, ThreadRecord};

/// The state of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WorkerState {
    /// Idle, waiting for work.
    Parked,
    Running,
    /// Has been inside one poll for too long.
    Blocked,
}

/// A worker at one moment.
#[derive(Debug)]
pub(crate) struct WorkerSnapshot {
    pub(crate) runtime: Option<RuntimeNumber>,
    /// The index among its runtime's workers, as in tokio's metrics.
    pub(crate) index: usize,
    pub(crate) state: WorkerState,
    /// Its thread, once identified.
    pub(crate) thread: Option<Arc<Thread>>,
    /// The tracked task that it is polling.
    pub(crate) task: Option<TaskId>,
    /// Time since the poll of that task began, or since untracked code blocks it.
    pub(crate) in_poll_for: Option<Duration>,
    /// Share of the last minute in which it was busy, from 0 to 1.
    pub(crate) busy: Option<f64>,
}

/// All workers of all runtimes in which tasks are polled. Probes which runtimes have ended.
pub(crate) fn workers(now: Instant) -> Vec<WorkerSnapshot> {
    RUNTIMES.update();
    RUNTIMES.probe(|_| true);
    listed_workers(now)
}

/// [`workers`] without a probe, which wakes a worker: for looks that nobody asked for. A worker of
/// a runtime that has ended is never [`Blocked`](WorkerState::Blocked) by untracked code, because
/// its runtime is probed before that.
pub(crate) fn listed_workers(now: Instant) -> Vec<WorkerSnapshot> {
    let records = threads::all();
    settle(&records);
    let entries = RUNTIMES.lock();
    let snapshots = entries
        .iter()
        .flat_map(|entry| entry.snapshots(&records, now));
    snapshots.collect()
}

/// The workers of each runtime.
pub(crate) fn by_runtime(workers: Vec<WorkerSnapshot>) -> Vec<Vec<WorkerSnapshot>> {
    let mut runtimes: BTreeMap<Option<u64>, Vec<WorkerSnapshot>> = BTreeMap::new();
    for worker in workers {
        let runtime = worker.runtime.map(RuntimeNumber::get);
        runtimes.entry(runtime).or_default().push(worker);
    }
    runtimes.into_values().collect()
}

impl RuntimeEntry {
    fn snapshots(
        &self,
        records: &[&'static ThreadRecord],
        now: Instant,
    ) -> impl Iterator<Item = WorkerSnapshot> {
        let (metrics, id) = (self.handle.metrics(), self.handle.id());
        let workers = self.workers.iter().enumerate().map(move |(index, worker)| {
            let is_parked = is_parked(&metrics, index);
            // A thread that is in a poll while its worker is parked was replaced
            // (`block_in_place`).
            let record = record_of(records, id, index)
                .filter(|record| !is_parked || record.reading().is_none());
            let reading = record.and_then(ThreadRecord::reading);
            let stall = worker.stall.as_ref().filter(|_| !is_parked);
            let blocked_since = stall.and_then(Stall::blocked_since);
            let since = reading.map_or(blocked_since, |reading| reading.entered);
            WorkerSnapshot {
                runtime: self.number,
                index,
                state: match record {
                    Some(record) if record.is_blocked() => WorkerState::Blocked,
                    _ if reading.is_none() && blocked_since.is_some() => WorkerState::Blocked,
                    _ if is_parked => WorkerState::Parked,
                    _ => WorkerState::Running,
                },
                thread: record.and_then(ThreadRecord::thread),
                task: reading.and_then(|reading| TaskId::from_number(reading.task)),
                in_poll_for: since.map(|since| now.since(since)),
                busy: worker.utilization.share(now.second()),
            }
        });
        // Of a runtime that has ended, only workers that are still in a poll are left.
        workers.filter(|worker| !self.has_ended || worker.task.is_some())
    }
}
