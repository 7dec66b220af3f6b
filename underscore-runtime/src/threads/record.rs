//! What a thread that polls tasks says of itself: which task it is in, and since when. The thread
//! alone writes it, with plain stores.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crossbeam_utils::CachePadded;
use tokio::runtime;

use super::kernel::Sleep;
use super::worker_search::{Moment, WorkerCounts, WorkerSearch, is_worker};
use super::{RuntimeNumber, record_runtime};
use crate::clock::{AtomicInstant, Instant};
use crate::sync::Mutex;

/// The record of one thread. Records are never freed but handed to the next thread, so that a poll
/// finds its own without counting references.
#[derive(Debug)]
pub(crate) struct ThreadRecord {
    number: u32,
    /// The id of the task whose poll the thread is in; zero outside of all.
    task: AtomicU64,
    /// When the outermost poll began that the thread is in, or was in last, to a tick of the coarse
    /// clock.
    entered: AtomicInstant,
    /// One more than the thread's index among its runtime's workers; zero if it is not known, or it
    /// is not a worker.
    worker: AtomicU32,
    /// The workers that the thread may be; `None` if it is not one.
    search: Mutex<Option<WorkerSearch>>,
    /// The number of the runtime that the thread is in, in bits: see `RuntimeNumber::to_bits`.
    runtime: AtomicU32,
    /// The poll in which the sampler found the thread to be blocked: see `poll`.
    blocked: AtomicU64,
    thread: Mutex<Option<Arc<Thread>>>,
}

/// The thread that has a record.
#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) name: Option<String>,
    /// The kernel's id of it, where that can be had.
    kernel_id: Option<u32>,
    pub(crate) runtime: Option<runtime::Id>,
}

/// What a record said when it was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// The id of the task whose poll the thread is in.
    pub(crate) task: u64,
    pub(crate) entered: Option<Instant>,
}

/// All records, in the order of their numbers.
static RECORDS: Mutex<Vec<&'static ThreadRecord>> = Mutex::new(Vec::new());
/// Those that no thread has.
static FREE: Mutex<Vec<&'static ThreadRecord>> = Mutex::new(Vec::new());

/// For threads that are being torn down: it is not listed.
static NOBODYS: ThreadRecord = ThreadRecord::new(u32::MAX);

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

    /// A record for the calling thread.
    #[cold]
    pub(crate) fn claim() -> &'static Self {
        let free = FREE.lock().pop();
        let record = free.unwrap_or_else(add);
        record.update_thread();
        record
    }

    /// The record of a thread that is being torn down.
    pub(crate) fn unlisted() -> &'static Self {
        &NOBODYS
    }

    /// Gives the record back, at the end of its thread.
    pub(crate) fn release(&'static self) {
        *self.thread.lock() = None;
        self.task.store(0, Ordering::Relaxed);
        self.set_search(&mut self.search.lock(), None);
        self.runtime.store(0, Ordering::Relaxed);
        self.blocked.store(0, Ordering::Relaxed);
        self.entered.set(None);
        if self.number != NOBODYS.number {
            FREE.lock().push(self);
        }
    }

    /// The calling thread enters a poll that is in no other one.
    #[inline]
    pub(crate) fn begin_poll(&self) {
        if self.entered.is_behind() {
            self.note_tick();
        }
    }

    /// The calling thread is in a poll of the task with this id; in none with zero.
    #[inline]
    pub(crate) fn set_task(&self, id: u64) {
        // Relaxed: the sampler takes what it reads, and looks again a tick later.
        self.task.store(id, Ordering::Relaxed);
    }

    #[cold]
    #[inline(never)]
    fn note_tick(&self) {
        self.entered.set_coarse();
        self.update_thread();
    }

    /// A thread can lose its worker to another one (`block_in_place`), and can run one runtime
    /// after the other, so this is asked again, but at most once a tick.
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
            WorkerSearch::note(&mut found, metrics.num_workers(), Moment::now(), is_parked);
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
        // Under the lock: what the thread notes in a later poll comes after this.
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

    /// Takes its thread for this worker until more is known, if it is still in the poll that it
    /// entered then.
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

    /// Excludes workers that the calling thread, the one that has this record, cannot be.
    pub(crate) fn exclude_workers(&self, cannot_be: impl Fn(usize) -> bool) {
        self.narrow(|| true, |search| search.exclude(cannot_be));
    }

    /// Excludes workers that its thread cannot be if it is still in the poll that it entered then.
    pub(crate) fn exclude_workers_in(
        &self,
        entered: Option<Instant>,
        cannot_be: impl Fn(usize) -> bool,
    ) {
        let is_in_it = || self.is_in_poll(entered);
        self.narrow(is_in_it, |search| search.exclude(cannot_be));
    }

    /// Excludes what a copy of its search has excluded.
    pub(crate) fn exclude_workers_as(&self, copy: &WorkerSearch) {
        self.narrow(|| true, |search| search.exclude_as(copy));
    }

    /// The workers that its thread may be.
    pub(crate) fn search(&self) -> Option<WorkerSearch> {
        self.search.lock().clone()
    }

    /// The poll that its thread is in.
    pub(crate) fn reading(&self) -> Option<Reading> {
        let entered = self.entered.get();
        match self.task.load(Ordering::Relaxed) {
            0 => None,
            task => Some(Reading { task, entered }),
        }
    }

    /// The thread that has it.
    pub(crate) fn thread(&self) -> Option<Arc<Thread>> {
        self.thread.lock().clone()
    }

    /// The index of its thread among its runtime's workers, once that is known; see
    /// `assume_worker`.
    pub(crate) fn worker(&self) -> Option<usize> {
        usize::try_from(self.worker.load(Ordering::Relaxed).checked_sub(1)?).ok()
    }

    /// The number of the runtime that its thread is in, in bits. For the thread itself.
    #[inline]
    pub(crate) fn runtime_bits(&self) -> u32 {
        self.runtime.load(Ordering::Relaxed)
    }

    /// When the outermost poll began that its thread is in, or was in last.
    pub(crate) fn entered(&self) -> Option<Instant> {
        self.entered.get()
    }

    /// Notes that its thread does not come back from its poll, or that it did.
    pub(crate) fn set_blocked(&self, blocked: bool) {
        let poll = if blocked { self.poll() } else { 0 };
        self.blocked.store(poll, Ordering::Relaxed);
    }

    /// True while its thread is a worker that is blocked in a poll.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed) == self.poll() && self.reading().is_some()
    }

    /// Tells a poll from the one after it, as far as the clock tells them apart; never zero.
    fn poll(&self) -> u64 {
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

    /// The system call in which it sleeps, where that can be had.
    pub(crate) fn sleep(&self) -> Option<Sleep> {
        super::kernel::sleep(self.kernel_id?)
    }

    /// What the kernel says that it does, where that can be had.
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

/// The record of the thread that is in a poll of the task with this id, and in none within.
pub(crate) fn polling(id: u64) -> Option<&'static ThreadRecord> {
    let records = RECORDS.lock();
    let polls = |record: &&&ThreadRecord| record.task.load(Ordering::Relaxed) == id;
    records.iter().find(polls).copied()
}

/// Makes a record for the life of the process: there are never more than threads at one time.
fn add() -> &'static ThreadRecord {
    let mut records = RECORDS.lock();
    let number = u32::try_from(records.len()).unwrap_or(u32::MAX);
    // On cache lines of its own, for each is written by another thread.
    let record = CachePadded::new(ThreadRecord::new(number));
    let record: &'static CachePadded<ThreadRecord> = Box::leak(Box::new(record));
    records.push(record);
    record
}
