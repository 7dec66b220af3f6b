//! How an interrupt reaches the task: from the admin side to the thread that polls it.
//!
//! The poller registers its waker and then checks for an interrupt; the operator's thread stores the
//! interrupt and then takes the waker, both under one lock. Whichever comes second sees what the
//! first one stored, so no interrupt is lost. A poll reads one word of its own cache line, and takes
//! the lock only if that word is set.

use std::task::Waker;

use super::interrupt::{Ending, Interrupt, Interrupts, WaitGroup};
use super::slot::Slot;
use crate::stack::NodeKey;
use crate::sync::atomic::Ordering;
use crate::sync::{Arc, contained};

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
