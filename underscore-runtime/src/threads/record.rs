//! The record of a thread that polls tasks: the task that it is polling, and since when. Only the
//! thread itself writes these, with plain stores.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crossbeam_utils::CachePadded;
use tokio::runtime;

use super::is_worker::is_worker;
use super::kernel::Sleep;
use super::new_runtimes::record_runtime;
use super::runtime_number::RuntimeNumber;
use super::worker_counts::WorkerCounts;
use super::worker_search::{Moment, WorkerSearch};
use crate::clock::{AtomicInstant, Instant};
use crate::sync::Mutex;

/// The record of one thread. Records are never freed but reused by other threads, so that a poll
/// finds its own without counting references.
#[derive(Debug)]
pub(crate) struct ThreadRecord {
    number: u32,
    /// The id of the task that the thread is polling, zero if none.
    task: AtomicU64,
    /// Start of the current or last outermost poll, in ticks of the coarse clock.
    entered: AtomicInstant,
    /// The thread's index among its runtime's workers plus one; zero if it is unknown, or the
    /// thread is not a worker.
    worker: AtomicU32,
    /// The workers that the thread may be, `None` if it is not a worker.
    search: Mutex<Option<WorkerSearch>>,
    /// The number of the thread's runtime, as [`RuntimeNumber::to_bits`].
    runtime: AtomicU32,
    /// The poll in which the sampler found the thread blocked, as `poll_key`.
    blocked: AtomicU64,
    thread: Mutex<Option<Arc<Thread>>>,
}

/// The thread that owns a record.
#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) name: Option<String>,
    /// The kernel's thread id, where available.
    kernel_id: Option<u32>,
    pub(crate) runtime: Option<runtime::Id>,
}

/// The poll of a record's thread at the time of reading.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// The id of the task that the thread is polling.
    pub(crate) task: u64,
    /// Start of the outermost poll.
    pub(crate) entered: Option<Instant>,
}

/// All records, ordered by number.
static RECORDS: Mutex<Vec<&'static ThreadRecord>> = Mutex::new(Vec::new());
/// Records without a thread.
static FREE: Mutex<Vec<&'static ThreadRecord>> = Mutex::new(Vec::new());

/// Shared by threads that are being torn down; not in [`RECORDS`].
static UNLISTED: ThreadRecord = ThreadRecord::new(u32::MAX);

impl ThreadRecord {
    const fn new(number: u32) -> Self {
        ThreadRecord {
            number,
            task: AtomicU64::new(0),
            entered: AtomicInstant::never(),
            worker: AtomicU32::new(0),
            search: Mutex::new(None),
            runtime: AtomicU32::new(0),
            blocked: AtomicU64::new(0),
            thread: Mutex::new(None),
        }
    }

    /// Claims a record for the calling thread.
    #[cold]
    pub(crate) fn claim() -> &'static Self {
        let free = FREE.lock().pop();
        let record = free.unwrap_or_else(add);
        record.update_thread();
        record
    }

    /// The record for a thread that is being torn down. It is in no list.
    pub(crate) fn unlisted() -> &'static Self {
        &UNLISTED
    }

    /// Returns the record when its thread ends.
    pub(crate) fn release(&'static self) {
        *self.thread.lock() = None;
        self.task.store(0, Ordering::Relaxed);
        self.set_search(&mut self.search.lock(), None);
        self.runtime.store(0, Ordering::Relaxed);
        self.blocked.store(0, Ordering::Relaxed);
        self.entered.set(None);
        if self.number != UNLISTED.number {
            FREE.lock().push(self);
        }
    }

    /// Marks the start of an outermost poll of the calling thread.
    #[inline]
    pub(crate) fn begin_poll(&self) {
        if self.entered.is_behind() {
            self.begin_tick();
        }
    }

    /// Sets the id of the task that the calling thread is polling, zero for none.
    #[inline]
    pub(crate) fn set_task(&self, id: u64) {
        // Relaxed: the sampler may read an older value, and reads again a tick later.
        self.task.store(id, Ordering::Relaxed);
    }

    #[cold]
    #[inline(never)]
    fn begin_tick(&self) {
        self.entered.set_coarse();
        self.update_thread();
    }

    /// Updates the thread's runtime and worker. A thread can lose its worker to another thread
    /// (`block_in_place`) and can drive several runtimes in turn, so polls repeat this, at most
    /// once per tick.
    #[cold]
    pub(crate) fn update_thread(&self) {
        let handle = runtime::Handle::try_current().ok();
        let id = handle.as_ref().map(runtime::Handle::id);
        let mut thread = self.thread.lock();
        let mut search = self.search.lock();
        match &mut *thread {
            Some(thread) if thread.runtime == id => {}
            thread => {
                let number = id.and_then(RuntimeNumber::new);
                let bits = RuntimeNumber::to_bits(number);
                self.runtime.store(bits, Ordering::Relaxed);
                *thread = Some(Arc::new(Thread::current(id)));
                *search = None;
            }
        }
        drop(thread);
        let mut found = None;
        if let Some(handle) = handle.as_ref().filter(|_| is_worker()) {
            let metrics = handle.metrics();
            let is_parked = |worker| WorkerCounts::read(&metrics, worker).is_parked();
            found = search.take();
            WorkerSearch::update(&mut found, metrics.num_workers(), Moment::now(), is_parked);
        }
        self.set_search(&mut search, found);
        drop(search);
        if let Some(handle) = handle {
            record_runtime(handle);
        }
    }

    fn set_search(&self, search: &mut Option<WorkerSearch>, found: Option<WorkerSearch>) {
        *search = found.filter(|found| !found.is_contradicted());
        let index = search.as_ref().and_then(WorkerSearch::found);
        let worker = index.and_then(|index| u32::try_from(index).ok()?.checked_add(1));
        self.worker.store(worker.unwrap_or(0), Ordering::Relaxed);
    }

    fn narrow(&self, is_so: impl FnOnce() -> bool, narrow: impl FnOnce(&mut WorkerSearch)) {
        let mut search = self.search.lock();
        // Under the lock: an update by the thread in a later poll comes after this.
        if let Some(mut found) = search.clone().filter(|_| is_so()) {
            narrow(&mut found);
            if search.as_ref() != Some(&found) {
                self.set_search(&mut search, Some(found));
            }
        }
    }

    fn is_in_poll(&self, entered: Option<Instant>) -> bool {
        let reading = self.reading();
        reading.is_some_and(|reading| reading.entered == entered)
    }

    /// Assumes that the thread is this worker, if it may be, and is still in the poll that began at
    /// `entered`. The next update of the search replaces the assumption.
    pub(crate) fn assume_worker(&self, entered: Option<Instant>, index: usize) {
        let search = self.search.lock();
        let is_open = search.as_ref().is_some_and(|found| found.may_be(index));
        let worker = u32::try_from(index)
            .ok()
            .and_then(|index| index.checked_add(1));
        if let Some(worker) = worker.filter(|_| is_open && self.is_in_poll(entered)) {
            self.worker.store(worker, Ordering::Relaxed);
        }
    }

    /// Excludes workers that the calling thread, the record's own, cannot be.
    pub(crate) fn exclude_workers(&self, cannot_be: impl Fn(usize) -> bool) {
        self.narrow(|| true, |search| search.exclude(cannot_be));
    }

    /// Excludes workers that the thread cannot be if it is still in the poll that began at
    /// `entered`.
    pub(crate) fn exclude_workers_in(
        &self,
        entered: Option<Instant>,
        cannot_be: impl Fn(usize) -> bool,
    ) {
        let is_in_it = || self.is_in_poll(entered);
        self.narrow(is_in_it, |search| search.exclude(cannot_be));
    }

    /// Excludes the workers that a copy of the search has excluded.
    pub(crate) fn exclude_workers_as(&self, copy: &WorkerSearch) {
        self.narrow(|| true, |search| search.exclude_as(copy));
    }

    /// The workers that the thread may be.
    pub(crate) fn search(&self) -> Option<WorkerSearch> {
        self.search.lock().clone()
    }

    /// The poll that the thread is in.
    pub(crate) fn reading(&self) -> Option<Reading> {
        let entered = self.entered.get();
        match self.task.load(Ordering::Relaxed) {
            0 => None,
            task => Some(Reading { task, entered }),
        }
    }

    /// The thread that owns the record.
    pub(crate) fn thread(&self) -> Option<Arc<Thread>> {
        self.thread.lock().clone()
    }

    /// The thread's index among its runtime's workers, once it is identified or assumed.
    pub(crate) fn worker(&self) -> Option<usize> {
        usize::try_from(self.worker.load(Ordering::Relaxed).checked_sub(1)?).ok()
    }

    /// The number of the thread's runtime, as [`RuntimeNumber::to_bits`]. For the thread itself.
    #[inline]
    pub(crate) fn runtime_bits(&self) -> u32 {
        self.runtime.load(Ordering::Relaxed)
    }

    /// Start of the current or last outermost poll.
    pub(crate) fn entered(&self) -> Option<Instant> {
        self.entered.get()
    }

    /// Marks the thread as blocked in its current poll, or takes the mark back.
    pub(crate) fn set_blocked(&self, blocked: bool) {
        let poll = if blocked { self.poll_key() } else { 0 };
        self.blocked.store(poll, Ordering::Relaxed);
    }

    /// True while the thread is a worker that is blocked in a poll.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed) == self.poll_key() && self.reading().is_some()
    }

    /// Identifies the current poll, to a tick of the clock. Never zero.
    fn poll_key(&self) -> u64 {
        self.entered.get().map_or(1, Instant::nanos)
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }
}

impl Thread {
    fn current(runtime: Option<runtime::Id>) -> Self {
        Thread {
            name: std::thread::current().name().map(str::to_owned),
            kernel_id: super::kernel::current_thread(),
            runtime,
        }
    }

    /// The sleep that the thread is in, if available.
    pub(crate) fn sleep(&self) -> Option<Sleep> {
        super::kernel::sleep(self.kernel_id?)
    }

    /// The state of the thread in the kernel, if available.
    pub(crate) fn kernel_wait(&self) -> Option<String> {
        super::kernel::wait(self.kernel_id?)
    }
}

/// All records.
pub(crate) fn all() -> Vec<&'static ThreadRecord> {
    RECORDS.lock().clone()
}

/// The record with this number.
pub(crate) fn with_number(number: u32) -> Option<&'static ThreadRecord> {
    let number = usize::try_from(number).ok()?;
    RECORDS.lock().get(number).copied()
}

/// The record of the thread whose innermost poll is one of the task with this id.
pub(crate) fn polling(id: u64) -> Option<&'static ThreadRecord> {
    let records = RECORDS.lock();
    let polls = |record: &&&ThreadRecord| record.task.load(Ordering::Relaxed) == id;
    records.iter().find(polls).copied()
}

/// Adds a record, which is never freed. There are at most as many as threads at one time.
fn add() -> &'static ThreadRecord {
    let mut records = RECORDS.lock();
    let number = u32::try_from(records.len()).unwrap_or(u32::MAX);
    // On its own cache lines, because each record is written by a different thread.
    let record = CachePadded::new(ThreadRecord::new(number));
    let record: &'static CachePadded<ThreadRecord> = Box::leak(Box::new(record));
    records.push(record);
    record
}
