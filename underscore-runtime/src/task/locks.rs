//! The guards that a task holds and the locks that it waits for, in its `Extra`: few tasks hold a
//! guard while they wait.

use super::id::TaskId;
use super::slot::Slot;
use crate::guards::{HeldGuard, TaskLocks, TypeName};
use crate::stack::{AwaitPoint, ParentKey};

/// For the thread that polls the task.
impl Slot {
    /// Adds a guard that the task holds, and returns its number.
    pub(crate) fn add_hold(&self, held: HeldGuard) -> u32 {
        self.set_has_extra();
        let mut inner = self.inner.lock();
        inner.extra_or_new(self.id()).locks.add(held)
    }

    /// The pending await `key` waits for the lock with this address.
    #[cold]
    #[inline(never)]
    pub(crate) fn set_lock_wait(&self, key: ParentKey, lock: usize) {
        self.set_has_extra();
        let mut inner = self.inner.lock();
        inner.extra_or_new(self.id()).locks.set_wait(key, lock);
    }
}

/// For any thread: the variable of a guard may be moved out of the task with its future, and may
/// outlive the task.
impl Slot {
    /// Removes a guard of the task with this id.
    pub(crate) fn remove_hold(&self, id: u64, number: u32) -> Option<HeldGuard> {
        self.with_locks(id, |locks| locks.remove(number)).flatten()
    }

    /// Marks a guard of the task with this id as passed on.
    pub(crate) fn pass_hold_on(&self, id: u64, number: u32) {
        self.with_locks(id, |locks| {
            if let Some(held) = locks.get_mut(number) {
                held.is_passed_on = true;
            }
        });
    }

    /// The type of a guard of the task with this id.
    pub(crate) fn hold_type(&self, id: u64, number: u32) -> Option<TypeName> {
        self.with_locks(id, |locks| locks.get_mut(number).map(|held| held.guard))
            .flatten()
    }

    /// Removes the guards of a body that was moved out of the task with this id: `point` is an
    /// await of it, `parent` the await around it.
    #[cold]
    pub(crate) fn forget_holds(&self, id: u64, parent: ParentKey, point: &AwaitPoint) {
        self.with_locks(id, |locks| locks.forget(parent, point));
    }

    /// True if the task with this id is interrupted at a timeout.
    pub(super) fn has_timeout(&self, id: TaskId) -> bool {
        if !self.has_extra() {
            return false;
        }
        let mut inner = self.inner.lock();
        let extra = inner.extra(id.number());
        extra.is_some_and(|extra| extra.timer.is_some())
    }

    /// The guards and the awaited locks of a task.
    pub(super) fn locks(&self, id: TaskId) -> TaskLocks {
        // Without the lock of the record: most tasks hold nothing.
        if !self.has_extra() {
            return TaskLocks::default();
        }
        self.with_locks(id.number(), |locks| locks.clone())
            .unwrap_or_default()
    }

    fn with_locks<T>(&self, id: u64, with: impl FnOnce(&mut TaskLocks) -> T) -> Option<T> {
        let mut inner = self.inner.lock();
        inner.extra(id).map(|extra| with(&mut extra.locks))
    }
}
