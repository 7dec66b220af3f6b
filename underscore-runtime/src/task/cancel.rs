//! How an interrupt reaches the task: from the admin side to the thread that polls it.
//!
//! The poller registers its waker and then checks for an interrupt; the operator's thread stores
//! the interrupt and then takes the waker, both under one lock. Whichever comes second sees what
//! the first one stored, so no interrupt is lost. A poll reads one word of its own cache line, and
//! takes the lock only if that word is set.

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
    /// The task ends by its first interrupt; a later one only waits for the same end. A task that
    /// is never pending and ends concurrently may miss the interrupt. Then it does not notify the
    /// waiter, which must also check the task. To exclude that would cost every request a locked
    /// instruction.
    pub(crate) fn interrupt(
        &self,
        id: u64,
        interrupt: Interrupt,
        waiting: &Arc<WaitGroup>,
    ) -> Option<Arc<Ending>> {
        let mut inner = self.inner.lock();
        // Under the lock: while the slot belongs to the task, so does the waker.
        if !self.belongs_to(id) {
            return None;
        }
        waiting.add();
        let interrupts = inner
            .extra_or_new(id)
            .interrupts
            .get_or_insert_with(|| Interrupts::new(interrupt));
        // A stuck task may be interrupted many times, by operators that have given up since.
        interrupts
            .waiting
            .retain(|waiting| waiting.strong_count() > 0);
        interrupts.waiting.push(Arc::downgrade(waiting));
        let ending = Arc::clone(&interrupts.ending);
        self.signal(id);
        let waker = inner.waker.take();
        drop(inner);
        // Executor code, not called under the lock.
        if let Some(waker) = waker {
            contained(|| waker.wake());
        }
        Some(ending)
    }

    /// True from the interrupt of the task with this id until it has ended.
    pub(crate) fn is_interrupted(&self, id: u64) -> bool {
        let mut inner = self.inner.lock();
        let extra = inner.extra(id);
        // An interrupt concurrent with the end is still stored: see `interrupt`.
        extra.is_some_and(|extra| extra.interrupts.is_some()) && self.belongs_to(id)
    }

    /// Removes an await from the stack of the task with this id, on a thread that does not poll the
    /// task. The poller may be about to commit that await, so its key is not freed until then.
    pub(crate) fn clear_remote(&self, id: u64, key: NodeKey) {
        let mut inner = self.inner.lock();
        if self.belongs_to(id) {
            inner.extra_or_new(id).tree.clear_remote(key);
            self.signal(id);
        }
    }

    /// Signals the task with this id, unless it has ended.
    pub(super) fn signal_watched(&self, id: u64) {
        // Under the lock, like all signals.
        let _inner = self.inner.lock();
        if self.belongs_to(id) {
            self.signal(id);
        }
    }

    pub(super) fn signal(&self, id: u64) {
        // Relaxed: the data is read under the lock, and a poller that misses the signal is woken.
        self.signalled.store(id, Ordering::Relaxed);
    }
}

/// For the thread that polls the task.
impl Slot {
    /// True if another thread has signalled the task.
    #[inline]
    pub(crate) fn is_signalled(&self) -> bool {
        self.signalled.load(Ordering::Relaxed) == self.id()
    }

    /// The interrupt by which the task ends.
    pub(crate) fn pending_interrupt(&self) -> Option<Interrupt> {
        let mut inner = self.inner.lock();
        let interrupts = inner.extra(self.id())?.interrupts.as_ref()?;
        Some(interrupts.first.clone())
    }

    /// Registers the waker with which an interrupt wakes the task. True if it is interrupted
    /// already.
    pub(crate) fn register_waker(&self, waker: &Waker) -> bool {
        // Cloning and dropping a waker is executor code, not called under the lock.
        let waker = waker.clone();
        self.set_has_waker();
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
