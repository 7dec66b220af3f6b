//! The interrupt of a task, from the admin side to the thread that polls it.
//!
//! The poller registers its waker and then looks for an interrupt, the operator leaves the
//! interrupt and then takes the waker, both under one lock: the second one sees what the first one
//! left, so none is lost. A poll looks at one word of its own cache line, and takes the lock only
//! if that says so.

use std::task::Waker;
use std::time::Duration;

use axum::http::StatusCode;

use super::slot::Slot;
use crate::stack::NodeKey;
use crate::stats::Outcome;
use crate::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use crate::sync::{Arc, Notify, Weak, contained};
use crate::units;

/// Why a task is to end.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt {
    /// In words, for the client and the log.
    pub(crate) reason: Arc<str>,
    /// How the task ends by it: interrupted by an operator, or because its time was up.
    pub(crate) outcome: Outcome,
    /// What the client of a request gets that has no answer yet, if that was set.
    pub(crate) status: Option<StatusCode>,
}

/// The interrupts of one task.
#[derive(Debug)]
pub(super) struct Interrupts {
    /// The one that stands.
    pub(super) first: Interrupt,
    pub(super) ending: Arc<Ending>,
    /// Those who wait for the end of the task, until they give up.
    waiting: Vec<Weak<WaitGroup>>,
}

/// How an interrupted task ended.
#[derive(Debug, Default)]
pub(crate) struct Ending(AtomicU8);

/// Counts tasks down to the last one that ends.
#[derive(Debug, Default)]
pub(crate) struct WaitGroup {
    left: AtomicUsize,
    all_done: Notify,
}

impl Interrupt {
    /// What clients read where the operator gave no reason.
    pub(crate) const DEFAULT_REASON: &str = "interrupted by an operator";

    /// By an operator.
    pub(crate) fn by_operator(reason: &str) -> Self {
        Interrupt {
            reason: reason.into(),
            outcome: Outcome::Interrupted,
            status: None,
        }
    }

    /// By a route's timeout.
    pub(crate) fn expired(timeout: Duration) -> Self {
        let timeout = units::human(timeout);
        let reason = format!("not done within the route's timeout of {timeout}");
        Interrupt {
            reason: reason.as_str().into(),
            outcome: Outcome::Expired,
            status: None,
        }
    }
}

impl Interrupts {
    fn new(first: Interrupt) -> Self {
        Interrupts {
            first,
            ending: Arc::default(),
            waiting: Vec::new(),
        }
    }

    /// Tells all that wait that the task is gone.
    pub(super) fn done(self) {
        for group in self.waiting.iter().filter_map(Weak::upgrade) {
            contained(|| group.done());
        }
    }
}

impl Ending {
    /// How the task ended, if it had seen the interrupt by then.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        // Relaxed: asked when the task is seen to be gone, which came after this was set.
        let index = self.0.load(Ordering::Relaxed).checked_sub(1)?;
        Outcome::ALL.get(usize::from(index)).copied()
    }

    pub(super) fn set(&self, outcome: Outcome) {
        self.0.store(outcome.ordinal(), Ordering::Relaxed);
    }
}

impl Slot {
    /// Interrupts the task with this id, and counts it in `waiting` until it is gone. `None` if it
    /// has ended.
    ///
    /// The first interrupt stands; a later one only waits for the same end. A task that is never
    /// pending and ends at this very moment may not see it. Then it does not notify the waiter, who
    /// must also check the task. To make that impossible would cost every request a locked
    /// instruction.
    pub(crate) fn interrupt(
        &self,
        id: u64,
        interrupt: Interrupt,
        waiting: &Arc<WaitGroup>,
    ) -> Option<Arc<Ending>> {
        let mut inner = self.inner.lock();
        // Under the lock: while it belongs to the task, so does the waker, if there is one.
        if !self.belongs_to(id) {
            return None;
        }
        waiting.add();
        let interrupts = inner
            .extra_or_new(id)
            .interrupts
            .get_or_insert_with(|| Interrupts::new(interrupt));
        // A task that is stuck may be interrupted many times, by operators who have long given up.
        interrupts
            .waiting
            .retain(|waiting| waiting.strong_count() > 0);
        interrupts.waiting.push(Arc::downgrade(waiting));
        let ending = Arc::clone(&interrupts.ending);
        self.signal(id);
        let waker = inner.waker.take();
        drop(inner);
        // The executor's code: not under our lock.
        if let Some(waker) = waker {
            contained(|| waker.wake());
        }
        Some(ending)
    }

    /// True once the task with this id was interrupted, until it is gone.
    pub(crate) fn is_interrupted(&self, id: u64) -> bool {
        let mut inner = self.inner.lock();
        let extra = inner.extra(id);
        // One that came in the moment of the end is still there: see `interrupt`.
        extra.is_some_and(|extra| extra.interrupts.is_some()) && self.belongs_to(id)
    }

    /// Takes an await out of the stack of the task with this id, on a thread that does not poll the
    /// task. The poller may be about to commit that the await is there: its key is kept until then.
    pub(crate) fn clear_remote(&self, id: u64, key: NodeKey) {
        let mut inner = self.inner.lock();
        if self.belongs_to(id) {
            inner.extra_or_new(id).tree.clear_remote(key);
            self.signal(id);
        }
    }

    fn signal(&self, id: u64) {
        // Relaxed: what was left is read under the lock, and a poller that misses it is woken.
        self.signalled.store(id, Ordering::Relaxed);
    }
}

/// For the thread that polls the task.
impl Slot {
    /// True if another thread left something for the task.
    #[inline]
    pub(crate) fn is_signalled(&self) -> bool {
        self.signalled.load(Ordering::Relaxed) == self.id()
    }

    /// The interrupt that ends the task, if there is one.
    pub(crate) fn pending_interrupt(&self) -> Option<Interrupt> {
        let mut inner = self.inner.lock();
        let interrupts = inner.extra(self.id())?.interrupts.as_ref()?;
        Some(interrupts.first.clone())
    }

    /// Leaves the waker with which an interrupt reaches the task while it waits. True if one came
    /// already.
    pub(crate) fn register_waker(&self, waker: &Waker) -> bool {
        // To copy and to drop a waker is the executor's code: not under our lock.
        let waker = waker.clone();
        self.note_waker();
        let mut inner = self.inner.lock();
        let old = inner.waker.replace(waker);
        let extra = inner.extra(self.id());
        let interrupted = extra.is_some_and(|extra| extra.interrupts.is_some());
        drop(inner);
        if let Some(old) = old {
            contained(|| drop(old));
        }
        interrupted
    }
}

impl WaitGroup {
    fn add(&self) {
        // Relaxed: counted up under the task's lock, which the matching `done` follows.
        self.left.fetch_add(1, Ordering::Relaxed);
    }

    fn done(&self) {
        // Release: pairs with `wait`. Each step down hands on the ones before it, so who sees zero
        // sees the end of every task. Not Acquire: the last one reads nothing of the others.
        if self.left.fetch_sub(1, Ordering::Release) == 1 {
            self.all_done.notify_one();
        }
    }

    /// Waits until every counted task has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing: it may be called again.
    pub(crate) async fn wait(&self) {
        // One waiter only, so a permit left by `notify_one` before it waits is not lost; the permit
        // may be from a moment when the count was zero for a while, hence the loop.
        //
        // Acquire: pairs with `done`.
        while self.left.load(Ordering::Acquire) > 0 {
            self.all_done.notified().await;
        }
    }
}
