//! What a thread that polls tasks says of itself, in a place of its own: which task it is in, and
//! since when. It is written by that thread alone, with plain stores.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crossbeam_utils::CachePadded;
use tokio::runtime;

use super::runtimes;
use crate::clock::{AtomicInstant, Instant};
use crate::sync::Mutex;
use crate::task::TaskId;

/// One thread's place. Places are never freed but given to the next thread, so that a poll finds its own
/// without counting references.
#[derive(Debug)]
pub(crate) struct Slot {
    number: u32,
    /// The number of the task whose poll the thread is in; zero outside of all.
    task: AtomicU64,
    /// When the outermost poll began that the thread is in, or was in last, to a tick of the coarse clock.
    entered: AtomicInstant,
    /// One more than the thread's number among its runtime's workers; zero if it is none of them.
    worker: AtomicU32,
    /// The poll in which the sampler found the thread to be blocked: see `poll`.
    blocked: AtomicU64,
    thread: Mutex<Option<Arc<Thread>>>,
}

/// Who has a slot.
#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) name: Option<String>,
    /// The kernel's number of it, where that can be had.
    pub(super) kernel_id: Option<u32>,
    pub(super) runtime: Option<runtime::Id>,
}

/// What a slot said when it was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) task: TaskId,
    pub(super) entered: Option<Instant>,
}

/// All slots, in the order of their numbers; those that no thread has are in `FREE`.
static SLOTS: Mutex<Vec<&'static Slot>> = Mutex::new(Vec::new());
static FREE: Mutex<Vec<&'static Slot>> = Mutex::new(Vec::new());

/// For a thread that is being torn down: nobody reads it.
static NOBODYS: Slot = Slot::new(u32::MAX);

thread_local! {
    static MINE: Cell<Option<&'static Slot>> = const { Cell::new(None) };
    /// Gives the slot back when the thread ends.
    static LEASE: Lease = const { Lease };
}

struct Lease;

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(slot) = MINE.replace(Some(&NOBODYS)) {
            slot.clear();
            FREE.lock().push(slot);
        }
    }
}

/// A poll that the thread is in: the slot says so until its end is said.
#[derive(Debug)]
#[must_use = "the thread seems to be in the poll until it is ended"]
pub(crate) struct Turn {
    slot: &'static Slot,
    outer_task: u64,
}

impl Turn {
    /// The calling thread enters a poll of `task`.
    #[inline]
    pub(crate) fn begin(task: TaskId) -> Self {
        let slot = match MINE.get() {
            Some(slot) => slot,
            None => take(),
        };
        // Relaxed, all of them: the reader takes what it gets, and looks again a tick later.
        let outer_task = slot.task.load(Ordering::Relaxed);
        // A poll within a poll keeps the thread from other work for no longer than the outer one.
        if outer_task == 0 && slot.entered.set_coarse() {
            slot.note_worker();
        }
        slot.task.store(task.number(), Ordering::Relaxed);
        Turn { slot, outer_task }
    }

    /// The number of the thread, for `with_number`.
    #[inline]
    pub(crate) fn slot_number(&self) -> u32 {
        self.slot.number
    }

    /// The thread goes on with what it was in before.
    #[inline]
    pub(crate) fn end(self) {
        self.slot.task.store(self.outer_task, Ordering::Relaxed);
    }
}

impl Slot {
    const fn new(number: u32) -> Self {
        Slot {
            number,
            task: AtomicU64::new(0),
            entered: AtomicInstant::never(),
            worker: AtomicU32::new(0),
            blocked: AtomicU64::new(0),
            thread: Mutex::new(None),
        }
    }

    /// A thread can lose its place among the workers to another one (`block_in_place`), and run one runtime
    /// after the other, so it is asked anew, though not more than once per tick.
    #[cold]
    fn note_worker(&self) {
        let handle = runtime::Handle::try_current().ok();
        let id = handle.as_ref().map(runtime::Handle::id);
        let index = handle.as_ref().and_then(|_| runtime::worker_index());
        let worker = index.and_then(|index| u32::try_from(index).ok()?.checked_add(1));
        self.worker.store(worker.unwrap_or(0), Ordering::Relaxed);
        let mut thread = self.thread.lock();
        match &mut *thread {
            Some(thread) if thread.runtime == id => {}
            thread => *thread = Some(Arc::new(Thread::current(id))),
        }
        drop(thread);
        if let Some(handle) = handle {
            runtimes::meet(handle);
        }
    }

    fn clear(&self) {
        *self.thread.lock() = None;
        self.task.store(0, Ordering::Relaxed);
        self.worker.store(0, Ordering::Relaxed);
        self.blocked.store(0, Ordering::Relaxed);
        self.entered.set(None);
    }

    /// The poll that its thread is in.
    pub(super) fn reading(&self) -> Option<Reading> {
        let entered = self.entered.get();
        let task = TaskId::from_number(self.task.load(Ordering::Relaxed))?;
        Some(Reading { task, entered })
    }

    /// Who has it.
    pub(crate) fn thread(&self) -> Option<Arc<Thread>> {
        self.thread.lock().clone()
    }

    /// Which of its runtime's workers its thread is.
    pub(super) fn worker(&self) -> Option<usize> {
        usize::try_from(self.worker.load(Ordering::Relaxed).checked_sub(1)?).ok()
    }

    /// When the outermost poll began that its thread is in, or was in last.
    pub(super) fn entered(&self) -> Option<Instant> {
        self.entered.get()
    }

    /// Notes that its thread does not come back from its poll, or that it did.
    pub(super) fn set_blocked(&self, blocked: bool) {
        let poll = if blocked { self.poll() } else { 0 };
        self.blocked.store(poll, Ordering::Relaxed);
    }

    /// Whether its thread is a worker that is blocked in a poll.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed) == self.poll() && self.reading().is_some()
    }

    /// What tells a poll from the one that comes after it, as far as the clock tells them apart; never zero.
    fn poll(&self) -> u64 {
        self.entered.get().map_or(1, Instant::nanos)
    }

    pub(super) fn number(&self) -> u32 {
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

    /// What the kernel says that it does, where that can be had.
    pub(crate) fn kernel_wait(&self) -> Option<String> {
        super::kernel::wait(self.kernel_id?)
    }
}

/// All slots that a thread has.
pub(super) fn all() -> Vec<&'static Slot> {
    SLOTS.lock().clone()
}

/// The slot with this number.
pub(crate) fn with_number(number: u32) -> Option<&'static Slot> {
    SLOTS.lock().get(usize::try_from(number).ok()?).copied()
}

/// Gives the calling thread a slot.
#[cold]
fn take() -> &'static Slot {
    let slot = LEASE.try_with(|_| free().unwrap_or_else(more));
    let slot = slot.unwrap_or(&NOBODYS);
    if slot.number != NOBODYS.number {
        slot.note_worker();
    }
    MINE.set(Some(slot));
    slot
}

fn free() -> Option<&'static Slot> {
    FREE.lock().pop()
}

/// Makes a slot for the process's life: there are never more than threads at one time.
fn more() -> &'static Slot {
    let mut slots = SLOTS.lock();
    let number = u32::try_from(slots.len()).unwrap_or(u32::MAX);
    // On lines of its own, for each is written by another thread.
    let slot: &'static CachePadded<Slot> = Box::leak(Box::new(CachePadded::new(Slot::new(number))));
    slots.push(slot);
    slot
}
