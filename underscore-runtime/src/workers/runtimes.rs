//! The tokio runtimes that tasks run in, and what each of their workers does: as tokio counts it, as
//! the thread's record says, and over the last minute as the sampler saw it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use tokio::runtime::{Handle, Id, RuntimeFlavor, RuntimeMetrics};

use super::identify::{may_be_tracked, record_of, settle};
use super::stall::{Progress, Stall, Transition};
use super::{blocked_after, discovery};
use crate::clock::Instant;
use crate::sync::Mutex;
use crate::task::{TaskId, with_thread};
use crate::threads::{self, RuntimeNumber, Thread, ThreadRecord, WorkerCounts};

/// A runtime whose workers are listed.
struct RuntimeEntry {
    handle: Handle,
    /// It ends no task of its own any more, and begins none.
    has_ended: bool,
    /// How many admin servers list it though none of its threads has run a task.
    pins: usize,
    number: Option<RuntimeNumber>,
    /// How often its workers' threads may still be looked for.
    discoveries: u32,
    workers: Vec<WorkerEntry>,
}

/// How often the threads of a runtime's workers are looked for, at most once a tick: a worker that
/// is at work does not come.
const DISCOVERIES: u32 = 10;

/// What the sampler keeps of a worker.
#[derive(Debug, Default)]
struct WorkerEntry {
    busy: Utilization,
    stall: Option<Stall>,
}

/// What the sampler found out of a worker in which no tracked task is.
pub(super) struct UntrackedStall {
    pub(super) change: Transition,
    pub(super) runtime: Option<RuntimeNumber>,
    pub(super) worker: usize,
    pub(super) thread: Option<Arc<Thread>>,
}

static RUNTIMES: Mutex<Vec<RuntimeEntry>> = Mutex::new(Vec::new());

/// After so many seconds it is found out anew which runtimes have ended, if nobody looks before.
const ASK_EVERY: u64 = 5;

/// The second in which that is done.
static ASK_NEXT: AtomicU64 = AtomicU64::new(0);

/// The seconds that are looked back on.
const SECONDS: u64 = 60;

/// How often a worker was looked at, and found at work, in each of the last seconds.
#[derive(Clone, Debug, Default)]
struct Utilization {
    seconds: Vec<Samples>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Samples {
    second: u64,
    all: u32,
    busy: u32,
}

/// What a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WorkerState {
    /// It has nothing to do.
    Parked,
    /// It does something.
    Running,
    /// It has been inside one poll for too long.
    Blocked,
}

/// A worker at one moment.
#[derive(Debug)]
pub(crate) struct WorkerSnapshot {
    pub(crate) runtime: Option<RuntimeNumber>,
    /// Its number among its runtime's workers, the one of tokio's metrics.
    pub(crate) index: usize,
    pub(crate) state: WorkerState,
    /// Its thread, once that is known.
    pub(crate) thread: Option<Arc<Thread>>,
    /// The tracked task whose poll it is in.
    pub(crate) task: Option<TaskId>,
    /// For how long it has been in that poll, or blocked in another one.
    pub(crate) in_poll_for: Option<Duration>,
    /// The share of the last minute, from 0 to 1, in which it was at work.
    pub(crate) busy: Option<f64>,
}

/// Notes the runtime that the calling thread is in, to be listed until it is forgotten or has ended.
pub(super) fn register_current() -> Option<Id> {
    let handle = Handle::try_current().ok()?;
    let id = handle.id();
    let is_new = upsert(&mut RUNTIMES.lock(), handle.clone(), 1);
    // Now, for its other workers are more likely to be at rest than later. Outside of the lock, for
    // to begin a task may be code of the host's.
    if is_new {
        with_thread(|thread| thread.record().update_thread());
        discovery::discover(&handle);
    }
    Some(id)
}

/// All runtimes, those among them that tasks have been polled in since the last look.
fn registered() -> MutexGuard<'static, Vec<RuntimeEntry>> {
    let mut runtimes = RUNTIMES.lock();
    for handle in threads::take_new_runtimes() {
        upsert(&mut runtimes, handle, 0);
    }
    runtimes
}

/// Notes a runtime to be listed. True if it is a new one.
fn upsert(runtimes: &mut Vec<RuntimeEntry>, handle: Handle, pins: usize) -> bool {
    let id = handle.id();
    let known = runtimes.iter_mut().find(|known| known.handle.id() == id);
    let is_new = known.is_none();
    match known {
        Some(known) => known.pins = known.pins.saturating_add(pins),
        None => runtimes.push(RuntimeEntry {
            workers: std::iter::repeat_with(WorkerEntry::default)
                .take(handle.metrics().num_workers())
                .collect(),
            number: RuntimeNumber::new(id),
            discoveries: DISCOVERIES,
            has_ended: false,
            handle,
            pins,
        }),
    }
    is_new
}

/// Takes back that a runtime is listed whether or not it has run a task.
pub(crate) fn unregister(id: Id) {
    let mut runtimes = RUNTIMES.lock();
    if let Some(known) = runtimes.iter_mut().find(|known| known.handle.id() == id) {
        known.pins = known.pins.saturating_sub(1);
    }
}

/// Lets go of all that is only known by its threads.
pub(super) fn clear() {
    drop(threads::take_new_runtimes());
    keep(|known| known.pins > 0);
}

/// Finds out which runtimes have ended. A runtime does not say so, but it takes no task any more: what is given to it
/// is over at once. No task stays in one that lives, where somebody may wait for the last one.
fn probe_ended() {
    let lives = |known: &&RuntimeEntry| !known.has_ended;
    let handles = |known: &RuntimeEntry| known.handle.clone();
    let asked: Vec<Handle> = RUNTIMES.lock().iter().filter(lives).map(handles).collect();
    // To begin a task may be code of the host's: not under our lock.
    let have_ended = |handle: &&Handle| {
        let task = handle.spawn(std::future::pending::<()>());
        let is_over = task.is_finished();
        task.abort();
        is_over
    };
    let ended: Vec<Id> = asked.iter().filter(have_ended).map(Handle::id).collect();
    for known in &mut *RUNTIMES.lock() {
        known.has_ended |= ended.contains(&known.handle.id());
    }
}

fn keep(is_kept: impl Fn(&RuntimeEntry) -> bool) {
    let gone: Vec<RuntimeEntry> = RUNTIMES
        .lock()
        .extract_if(.., |known| !is_kept(known))
        .collect();
    // The last handle of a runtime drops code of the host's: not under our lock.
    drop(gone);
}

/// Samples every worker, as part of the sampler's tick. After a `gap` in which the sampler itself
/// stood still, nothing is known of what went on in it.
pub(super) fn look(now: Instant, gap: bool) -> Vec<UntrackedStall> {
    // Relaxed: a plain number, and one thread that looks.
    if now.second() >= ASK_NEXT.load(Ordering::Relaxed) {
        ASK_NEXT.store(now.second().saturating_add(ASK_EVERY), Ordering::Relaxed);
        probe_ended();
    }
    // Before the records: a runtime is noted by a thread that has one.
    drop(registered());
    let records = threads::all();
    settle(&records);
    keep(|known| {
        let id = Some(known.handle.id());
        let mut its = records
            .iter()
            .filter(|record| record.thread().is_some_and(|thread| thread.runtime == id));
        if known.has_ended {
            its.any(|record| record.reading().is_some())
        } else {
            known.pins > 0 || its.next().is_some()
        }
    });
    let mut findings = Vec::new();
    let mut unknown = Vec::new();
    for known in RUNTIMES.lock().iter_mut() {
        known.look(&records, now, gap, &mut findings);
        unknown.extend(known.has_unknown_threads(&records));
    }
    // Outside of the lock, for to begin a task may be code of the host's.
    unknown.iter().for_each(discovery::discover);
    if !findings.is_empty() {
        // The workers of a runtime that has ended stand still, too.
        probe_ended();
        let runtimes = RUNTIMES.lock();
        let has_ended = |finding: &UntrackedStall| {
            let mut its = runtimes
                .iter()
                .filter(|known| known.number == finding.runtime);
            its.all(|known| known.has_ended)
        };
        findings.retain(|finding| !has_ended(finding));
    }
    findings
}

impl RuntimeEntry {
    /// Samples its workers.
    fn look(
        &mut self,
        records: &[&'static ThreadRecord],
        now: Instant,
        gap: bool,
        findings: &mut Vec<UntrackedStall>,
    ) {
        let (metrics, id) = (self.handle.metrics(), self.handle.id());
        // A runtime of one thread has a worker also while no thread drives it.
        let is_driven = !self.has_ended
            && cfg!(target_has_atomic = "64")
            && (self.pins > 0 || self.handle.runtime_flavor() != RuntimeFlavor::CurrentThread);
        for (worker, watched) in self.workers.iter_mut().enumerate() {
            let is_parked = is_parked(&metrics, worker);
            watched.busy.note(now.second(), !is_parked);
            if let Some(stall) = watched.stall.as_mut().filter(|_| gap) {
                stall.restart(now);
            }
            if is_parked && watched.stall.is_none() {
                continue;
            }
            let record = record_of(records, id, worker);
            let is_tracked = match record {
                Some(record) => record.reading().is_some(),
                None => may_be_tracked(records, id, worker),
            };
            let progress = (is_driven && !is_parked && !is_tracked).then(|| {
                let WorkerCounts { rests, busy } = WorkerCounts::read(&metrics, worker);
                Progress {
                    rests,
                    busy,
                    entered: record.and_then(ThreadRecord::entered),
                }
            });
            let thread = record.and_then(ThreadRecord::thread);
            let stall = &mut watched.stall;
            if let Some(change) =
                Stall::look(stall, progress, thread.as_ref(), now, blocked_after())
            {
                findings.push(UntrackedStall {
                    change,
                    runtime: self.number,
                    worker,
                    thread,
                });
            }
        }
    }

    /// Its handle if it has workers whose threads are to be looked for.
    fn has_unknown_threads(&mut self, records: &[&'static ThreadRecord]) -> Option<Handle> {
        let id = self.handle.id();
        let all_known =
            |workers: usize| (0..workers).all(|worker| record_of(records, id, worker).is_some());
        if self.has_ended || self.discoveries == 0 || all_known(self.workers.len()) {
            return None;
        }
        self.discoveries = self.discoveries.saturating_sub(1);
        Some(self.handle.clone())
    }
}

/// What tokio has counted of the workers of the runtime that the record's thread is in.
pub(super) fn counted(record: &ThreadRecord) -> Option<Vec<WorkerCounts>> {
    let runtime = record.thread()?.runtime?;
    let runtimes = registered();
    let known = runtimes.iter().find(|known| known.handle.id() == runtime)?;
    Some(WorkerCounts::read_all(&known.handle.metrics()))
}

/// True if the runtime with this id has ended, as far as was asked.
pub(super) fn has_ended(id: Id) -> bool {
    let runtimes = RUNTIMES.lock();
    let mut its = runtimes.iter().filter(|known| known.handle.id() == id);
    its.any(|known| known.has_ended)
}

/// True if another thread is now the worker that the record's thread was.
pub(super) fn is_replaced(record: &ThreadRecord) -> bool {
    let runtime = record.thread().and_then(|thread| thread.runtime);
    let last = runtime
        .zip(record.worker())
        .and_then(|(runtime, index)| record_of(&threads::all(), runtime, index));
    last.is_some_and(|last| last.entered() > record.entered())
}

/// All workers of all runtimes that tasks run in.
pub(crate) fn workers(now: Instant) -> Vec<WorkerSnapshot> {
    probe_ended();
    let runtimes = registered();
    let records = threads::all();
    settle(&records);
    let of_runtime = |known: &RuntimeEntry| {
        let metrics = known.handle.metrics();
        let id = known.handle.id();
        let has_ended = known.has_ended;
        let each = known.workers.iter().enumerate();
        let each = each.map(|(index, watched)| {
            let parked = is_parked(&metrics, index);
            // A thread that is in a poll while its worker rests has been replaced (`block_in_place`).
            let record = record_of(&records, id, index)
                .filter(|record| !parked || record.reading().is_none());
            let reading = record.and_then(ThreadRecord::reading);
            let stall = watched.stall.as_ref().filter(|_| !parked);
            let blocked_since = stall.and_then(Stall::blocked_since);
            let since = reading.map_or(blocked_since, |reading| reading.entered);
            WorkerSnapshot {
                runtime: known.number,
                index,
                state: match record {
                    Some(record) if record.is_blocked() => WorkerState::Blocked,
                    _ if reading.is_none() && blocked_since.is_some() => WorkerState::Blocked,
                    _ if parked => WorkerState::Parked,
                    _ => WorkerState::Running,
                },
                thread: record.and_then(ThreadRecord::thread),
                task: reading.and_then(|reading| TaskId::from_number(reading.task)),
                in_poll_for: since.map(|since| now.since(since)),
                busy: watched.busy.share(now.second()),
            }
        });
        // Of a runtime that has ended, those are left that cannot end yet.
        each.filter(|worker| !has_ended || worker.task.is_some())
            .collect::<Vec<_>>()
    };
    runtimes.iter().flat_map(of_runtime).collect()
}

fn is_parked(metrics: &RuntimeMetrics, worker: usize) -> bool {
    worker < metrics.num_workers() && WorkerCounts::read(metrics, worker).is_parked()
}

impl Utilization {
    fn note(&mut self, second: u64, busy: bool) {
        if self.seconds.is_empty() {
            self.seconds = vec![Samples::default(); usize::try_from(SECONDS).unwrap_or(60)];
        }
        let place = usize::try_from(second % SECONDS).unwrap_or(0);
        if let Some(looks) = self.seconds.get_mut(place) {
            if looks.second != second {
                *looks = Samples {
                    second,
                    ..Samples::default()
                };
            }
            looks.all = looks.all.saturating_add(1);
            looks.busy = looks.busy.saturating_add(u32::from(busy));
        }
    }

    /// The share of looks in the last minute at which it was at work.
    fn share(&self, now: u64) -> Option<f64> {
        let inside = |looks: &&Samples| {
            now.checked_sub(looks.second)
                .is_some_and(|ago| ago < SECONDS)
        };
        let looks = self.seconds.iter().filter(inside);
        let (all, busy) = looks.fold((0_u32, 0_u32), |(all, busy), looks| {
            (
                all.saturating_add(looks.all),
                busy.saturating_add(looks.busy),
            )
        });
        (all > 0).then(|| f64::from(busy) / f64::from(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds 3.59 of docs/admin-api.md.
    #[test]
    fn a_worker_is_as_busy_as_it_was_seen_in_the_last_minute() {
        let mut busy = Utilization::default();
        assert_eq!(busy.share(1_000), None);
        for second in 1_000..1_010 {
            busy.note(second, true);
            busy.note(second, second % 2 == 0);
        }
        assert_eq!(busy.share(1_009), Some(0.75));
        assert_eq!(busy.share(1_061), Some(0.75), "all but two seconds");
        busy.note(1_100, false);
        assert_eq!(busy.share(1_100), Some(0.0), "the busy seconds are over");
    }
}
