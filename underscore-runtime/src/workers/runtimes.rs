//! The tokio runtimes in which tasks are polled, and what the sampler records about their workers.
//!
//! A [`Handle`] does not keep its runtime alive, and it does not tell whether the runtime has shut
//! down either. A spawn does: a task that is spawned into a runtime after its shutdown is finished
//! at once. Because a spawn wakes a worker of the host, runtimes are probed only when workers are
//! read (`_cat/workers`, `_metrics`, an interrupt), and before a warning about a worker that stands
//! still.
//!
//! Rejected: a probe every few seconds, which wakes the workers of an idle service for ever; and a
//! task parked in each runtime whose drop marks the end, which keeps `num_alive_tasks` above zero,
//! and a host may wait there for its last task.
//!
//! The handle of a runtime that has ended, and with it the runtime's file descriptors, may thus
//! stay until workers are read. This is at most one runtime per thread: the entry is also dropped
//! when its threads have ended or have polled in another runtime.

use std::sync::MutexGuard;

use tokio::runtime::{Handle, Id, RuntimeFlavor, RuntimeMetrics};

use super::discovery;
use super::identify::{may_be_tracked, record_of};
use super::limit::blocked_after;
use super::stall::{Progress, Stall, UntrackedStall};
use super::utilization::Utilization;
use crate::clock::Instant;
use crate::sync::Mutex;
use crate::task::with_thread;
use crate::threads::{self, RuntimeNumber, ThreadRecord, WorkerCounts};

/// Number of times that the threads of a runtime's workers are discovered, at most once per tick:
/// the tasks of a discovery do not reach a worker that is busy.
const DISCOVERIES: u32 = 10;

/// The runtimes whose workers are listed.
pub(super) static RUNTIMES: Runtimes = Runtimes::new();

#[derive(Debug)]
pub(super) struct Runtimes(Mutex<Vec<RuntimeEntry>>);

#[derive(Debug)]
pub(super) struct RuntimeEntry {
    pub(super) handle: Handle,
    /// True if the runtime had shut down when it was probed.
    pub(super) has_ended: bool,
    /// Number of admin servers that list the runtime even if none of its threads has polled a task.
    pins: usize,
    pub(super) number: Option<RuntimeNumber>,
    /// Number of discoveries left.
    discoveries: u32,
    pub(super) workers: Vec<WorkerEntry>,
}

/// The sampler's data of a worker.
#[derive(Debug, Default)]
pub(super) struct WorkerEntry {
    pub(super) utilization: Utilization,
    pub(super) stall: Option<Stall>,
}

/// Lists the workers of the calling thread's runtime, if it has one, before their first request and
/// until [`unregister`] is called.
pub(crate) fn register_current_runtime() -> Option<Id> {
    let handle = Handle::try_current().ok()?;
    let id = handle.id();
    let is_new = upsert(&mut RUNTIMES.lock(), handle.clone(), 1);
    // Now, because the other workers are more likely to be parked than later. Without the lock,
    // because a spawn may run code of the host.
    if is_new {
        with_thread(|thread| thread.record().update_thread());
        discovery::discover(&handle);
    }
    Some(id)
}

/// Reverses one [`register_current_runtime`].
pub(crate) fn unregister(id: Id) {
    if let Some(entry) = find(&mut RUNTIMES.lock(), id) {
        entry.pins = entry.pins.saturating_sub(1);
    }
}

fn find(entries: &mut [RuntimeEntry], id: Id) -> Option<&mut RuntimeEntry> {
    entries.iter_mut().find(|entry| entry.handle.id() == id)
}

/// Adds a runtime, or adds to its pins. True if it is new.
fn upsert(entries: &mut Vec<RuntimeEntry>, handle: Handle, pins: usize) -> bool {
    if let Some(entry) = find(entries, handle.id()) {
        entry.pins = entry.pins.saturating_add(pins);
        return false;
    }
    entries.push(RuntimeEntry {
        workers: std::iter::repeat_with(WorkerEntry::default)
            .take(handle.metrics().num_workers())
            .collect(),
        number: RuntimeNumber::new(handle.id()),
        discoveries: DISCOVERIES,
        has_ended: false,
        handle,
        pins,
    });
    true
}

impl Runtimes {
    const fn new() -> Self {
        Runtimes(Mutex::new(Vec::new()))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Vec<RuntimeEntry>> {
        self.0.lock()
    }

    /// Adds the runtimes in which tasks were polled since the last call.
    pub(super) fn update(&self) {
        let mut entries = self.lock();
        for handle in threads::take_new_runtimes() {
            upsert(&mut entries, handle, 0);
        }
    }

    /// Drops all entries without pins.
    pub(super) fn clear(&self) {
        drop(threads::take_new_runtimes());
        self.keep(|entry| entry.pins > 0);
    }

    /// Drops the entries of runtimes that no thread is in, and of those that have ended unless a
    /// thread is still in a poll there.
    pub(super) fn drop_unused(&self, records: &[&'static ThreadRecord]) {
        self.keep(|entry| {
            let id = Some(entry.handle.id());
            let mut threads = records
                .iter()
                .filter(|record| record.thread().is_some_and(|thread| thread.runtime == id));
            if entry.has_ended {
                threads.any(|record| record.reading().is_some())
            } else {
                entry.pins > 0 || threads.next().is_some()
            }
        });
    }

    fn keep(&self, is_kept: impl Fn(&RuntimeEntry) -> bool) {
        let unused: Vec<RuntimeEntry> = self
            .lock()
            .extract_if(.., |entry| !is_kept(entry))
            .collect();
        // Without the lock, because the last handle of a runtime drops values of the host.
        drop(unused);
    }

    /// Finds out which runtimes have ended, by a task that is spawned into each and aborted.
    pub(super) fn probe(&self, is_probed: impl Fn(&RuntimeEntry) -> bool) {
        let is_probed = |entry: &&RuntimeEntry| !entry.has_ended && is_probed(entry);
        let handle = |entry: &RuntimeEntry| entry.handle.clone();
        let handles: Vec<Handle> = self.lock().iter().filter(is_probed).map(handle).collect();
        // Without the lock, because a spawn may run code of the host.
        let has_ended = |handle: &&Handle| {
            let task = handle.spawn(std::future::pending::<()>());
            let is_finished = task.is_finished();
            task.abort();
            is_finished
        };
        for handle in handles.iter().filter(has_ended) {
            if let Some(entry) = find(&mut self.lock(), handle.id()) {
                entry.has_ended = true;
            }
        }
    }

    /// True if the runtime was found to have ended.
    pub(super) fn has_ended(&self, id: Id) -> bool {
        find(&mut self.lock(), id).is_some_and(|entry| entry.has_ended)
    }

    /// tokio's counters of the workers of the runtime that the record's thread is in.
    pub(super) fn worker_counts(&self, record: &ThreadRecord) -> Option<Vec<WorkerCounts>> {
        let id = record.thread()?.runtime?;
        self.update();
        let metrics = find(&mut self.lock(), id)?.handle.metrics();
        Some(WorkerCounts::read_all(&metrics))
    }

    /// Samples every worker. `after_gap` is true if the sampler itself stood still before, so that
    /// it cannot tell for how long a worker has.
    pub(super) fn sample(
        &self,
        records: &[&'static ThreadRecord],
        now: Instant,
        after_gap: bool,
    ) -> Vec<UntrackedStall> {
        let mut stalls = Vec::new();
        let mut incomplete = Vec::new();
        for entry in self.lock().iter_mut() {
            entry.sample(records, now, after_gap, &mut stalls);
            incomplete.extend(entry.next_discovery(records));
        }
        // Without the lock, because a spawn may run code of the host.
        incomplete.iter().for_each(discovery::discover);
        if !stalls.is_empty() {
            // The counters of a runtime that has ended do not change, either.
            self.probe(|entry| stalls.iter().any(|stall| stall.runtime == entry.number));
            let entries = self.lock();
            stalls.retain(|stall| {
                let mut its = entries.iter().filter(|entry| entry.number == stall.runtime);
                its.any(|entry| !entry.has_ended)
            });
        }
        stalls
    }
}

impl RuntimeEntry {
    fn sample(
        &mut self,
        records: &[&'static ThreadRecord],
        now: Instant,
        after_gap: bool,
        stalls: &mut Vec<UntrackedStall>,
    ) {
        let (metrics, id) = (self.handle.metrics(), self.handle.id());
        // A current-thread runtime has a worker even while no thread drives it.
        let is_driven = !self.has_ended
            && cfg!(target_has_atomic = "64")
            && (self.pins > 0 || self.handle.runtime_flavor() != RuntimeFlavor::CurrentThread);
        for (index, worker) in self.workers.iter_mut().enumerate() {
            let is_parked = is_parked(&metrics, index);
            worker.utilization.add(now.second(), !is_parked);
            if let Some(stall) = worker.stall.as_mut().filter(|_| after_gap) {
                stall.restart(now);
            }
            if is_parked && worker.stall.is_none() {
                continue;
            }
            let record = record_of(records, id, index);
            let is_tracked = match record {
                Some(record) => record.reading().is_some(),
                None => may_be_tracked(records, id, index),
            };
            let progress = (is_driven && !is_parked && !is_tracked).then(|| {
                let WorkerCounts { parks, busy } = WorkerCounts::read(&metrics, index);
                Progress {
                    parks,
                    busy,
                    entered: record.and_then(ThreadRecord::entered),
                }
            });
            let thread = record.and_then(ThreadRecord::thread);
            let limit = blocked_after();
            let transition =
                Stall::sample(&mut worker.stall, progress, thread.as_ref(), now, limit);
            stalls.extend(transition.map(|transition| UntrackedStall {
                transition,
                runtime: self.number,
                worker: index,
                thread,
            }));
        }
    }

    /// The handle for another discovery, if the thread of a worker is unknown and discoveries are
    /// left.
    fn next_discovery(&mut self, records: &[&'static ThreadRecord]) -> Option<Handle> {
        let id = self.handle.id();
        let is_known = |worker| record_of(records, id, worker).is_some();
        if self.has_ended || self.discoveries == 0 || (0..self.workers.len()).all(is_known) {
            return None;
        }
        self.discoveries = self.discoveries.saturating_sub(1);
        Some(self.handle.clone())
    }
}

/// True if another thread is now the worker that the record's thread was.
pub(super) fn is_replaced(record: &ThreadRecord) -> bool {
    let runtime = record.thread().and_then(|thread| thread.runtime);
    let latest = runtime
        .zip(record.worker())
        .and_then(|(runtime, index)| record_of(&threads::all(), runtime, index));
    latest.is_some_and(|latest| latest.entered() > record.entered())
}

pub(super) fn is_parked(metrics: &RuntimeMetrics, worker: usize) -> bool {
    worker < metrics.num_workers() && WorkerCounts::read(metrics, worker).is_parked()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::runtime::{Builder, Runtime};

    use super::*;

    /// A listed runtime whose discoveries are used up. No thread of it claims a record, so the
    /// sampler that other tests start does not list it.
    fn listed(runtime: &Runtime) -> Runtimes {
        let runtimes = Runtimes::new();
        upsert(&mut runtimes.lock(), runtime.handle().clone(), 0);
        for entry in runtimes.lock().iter_mut() {
            entry.discoveries = 0;
        }
        runtimes
    }

    /// Samples for ten minutes of played time.
    fn sample(runtimes: &Runtimes) {
        let (records, mut now) = (threads::all(), Instant::now());
        for _ in 0..10 * 60 * 30 {
            now = now.after(Duration::from_millis(33));
            assert!(runtimes.sample(&records, now, false).is_empty());
        }
    }

    fn has_ended(runtimes: &Runtimes, runtime: Id) -> bool {
        runtimes.probe(|_| true);
        runtimes.has_ended(runtime)
    }

    #[test]
    fn the_sampler_does_not_wake_an_idle_runtime() {
        let runtime = Builder::new_multi_thread().worker_threads(2).build();
        let runtime = runtime.expect("threads can be had");
        let runtimes = listed(&runtime);
        let metrics = runtime.metrics();
        while !(0..2).all(|worker| is_parked(&metrics, worker)) {
            std::thread::yield_now();
        }
        let counts = || WorkerCounts::read_all(&metrics);
        let before = counts();
        sample(&runtimes);
        // A task that was spawned is alive until a worker that was unparked for it polls it.
        assert_eq!((metrics.num_alive_tasks(), counts()), (0, before.clone()));
        assert!(!has_ended(&runtimes, runtime.handle().id()));
        while counts() == before {
            std::thread::yield_now();
        }
    }

    #[test]
    fn the_sampler_spawns_nothing_into_a_runtime_that_is_not_driven() {
        let runtime = Builder::new_current_thread().build();
        let runtime = runtime.expect("it can be had");
        let runtimes = listed(&runtime);
        sample(&runtimes);
        assert_eq!(runtime.metrics().num_alive_tasks(), 0);
    }

    #[test]
    fn a_probe_finds_out_that_a_runtime_has_ended() {
        for mut builder in [Builder::new_multi_thread(), Builder::new_current_thread()] {
            let runtime = builder.build().expect("threads can be had");
            let (runtimes, id) = (listed(&runtime), runtime.handle().id());
            assert!(!has_ended(&runtimes, id));
            drop(runtime);
            assert!(!runtimes.has_ended(id), "it was not probed since");
            assert!(has_ended(&runtimes, id));
            runtimes.drop_unused(&[]);
            assert!(runtimes.lock().is_empty());
        }
    }
}
