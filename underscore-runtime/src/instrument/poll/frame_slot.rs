//! An await's slot in the stack of its task: taken at the first `Pending` and released when the
//! await ends, also if its future has been moved out of the task.

use crate::stack::{AwaitPoint, NodeKey, ParentKey, StackNode, TypeNames};
use crate::task::{Slot, SlotRef, with_thread};

/// The slot of one await in a stack, taken or not.
#[derive(Debug)]
pub(crate) struct FrameSlot {
    /// The id of the task whose stack it is in, [`NOT_TAKEN`] if none.
    id: u64,
    task: Option<SlotRef>,
    key: NodeKey,
    /// The enclosing await.
    parent: ParentKey,
}

/// Not the id of a task, and not zero, the id of a thread outside any task.
const NOT_TAKEN: u64 = u64::MAX;

/// A poll of an await. While it lasts, inner awaits are children of this await's key.
pub(crate) struct FrameGuard {
    key: NodeKey,
    /// The enclosing await.
    parent: ParentKey,
    kind: PollKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum PollKind {
    /// The slot was taken in an earlier poll.
    Repeated,
    /// The key was taken in this poll: it has no children yet.
    First,
    /// The thread polls no task.
    Untracked,
}

impl FrameSlot {
    pub(crate) const fn new() -> Self {
        FrameSlot {
            id: NOT_TAKEN,
            task: None,
            key: NodeKey::ROOT,
            parent: ParentKey::ROOT,
        }
    }

    /// Begins a poll of the await.
    #[inline]
    pub(crate) fn enter(&mut self, point: &'static AwaitPoint) -> FrameGuard {
        with_thread(|thread| {
            let current = thread.id.get();
            let (key, kind) = if self.id == current {
                (self.key, PollKind::Repeated)
            } else {
                if self.id != NOT_TAKEN {
                    self.leave_other_task(point);
                }
                if current == 0 {
                    return FrameGuard {
                        key: NodeKey::ROOT,
                        parent: ParentKey::ROOT,
                        kind: PollKind::Untracked,
                    };
                }
                let key = thread.slot.get().map_or(NodeKey::ROOT, Slot::take_key);
                (key, PollKind::First)
            };
            FrameGuard {
                key,
                parent: thread.parent.replace(ParentKey::new(key, point)),
                kind,
            }
        })
    }

    /// Ends a poll that returned `Pending`: the await enters the stack.
    #[inline]
    pub(crate) fn pend(&mut self, guard: FrameGuard, point: &'static AwaitPoint, types: TypeNames) {
        let FrameGuard { key, parent, kind } = guard;
        std::mem::forget(guard);
        if kind == PollKind::Untracked {
            return;
        }
        with_thread(|thread| {
            thread.parent.set(parent);
            if kind == PollKind::Repeated && self.parent == parent {
                return;
            }
            self.id = thread.id.get();
            self.task = thread.slot.get().map(SlotRef::new);
            self.key = key;
            self.parent = parent;
            let node = StackNode {
                point,
                parent,
                types,
            };
            thread.record_change(key, Some(node));
        });
    }

    /// As [`pend`](Self::pend), for an await of the lock with this address.
    #[inline]
    pub(crate) fn pend_for_lock(
        &mut self,
        guard: FrameGuard,
        point: &'static AwaitPoint,
        types: TypeNames,
        lock: usize,
    ) {
        let is_first = guard.kind == PollKind::First;
        let key = ParentKey::new(guard.key, point);
        self.pend(guard, point, types);
        if is_first && let Some(task) = self.task {
            task.get().set_lock_wait(key, lock);
        }
    }

    /// Ends a poll that returned `Ready`: the await leaves the stack if it is in it.
    #[inline]
    pub(crate) fn finish(&mut self, guard: FrameGuard) {
        let FrameGuard { key, parent, kind } = guard;
        std::mem::forget(guard);
        if kind == PollKind::Untracked {
            return;
        }
        with_thread(|thread| thread.parent.set(parent));
        match kind {
            PollKind::First => release_unused(key),
            PollKind::Repeated | PollKind::Untracked => self.release(),
        }
    }

    /// Removes the await from its stack.
    #[inline]
    fn release(&mut self) {
        let is_current = with_thread(|thread| {
            let is_current = thread.id.get() == self.id;
            if is_current && let Some(task) = self.task {
                thread.record_change(self.key, None);
                task.get().release_key(self.key);
            }
            is_current
        });
        if is_current {
            self.id = NOT_TAKEN;
        } else {
            self.release_remote();
        }
    }

    /// The future was moved here from another task, whose stack it leaves, with the guards that its
    /// body holds.
    #[cold]
    #[inline(never)]
    fn leave_other_task(&mut self, point: &'static AwaitPoint) {
        if let Some(task) = self.task {
            task.get().forget_holds(self.id, self.parent, point);
        }
        self.release_remote();
    }

    /// For a future that was moved out of its task, or outlived it.
    #[cold]
    #[inline(never)]
    fn release_remote(&mut self) {
        let id = std::mem::replace(&mut self.id, NOT_TAKEN);
        if let Some(task) = self.task.take() {
            task.get().clear_remote(id, self.key);
        }
    }
}

/// Releases a key that never had a node.
#[inline]
fn release_unused(key: NodeKey) {
    if let Some(task) = with_thread(|thread| thread.slot.get()) {
        task.release_key(key);
        if key.is_high() {
            task.release_high_key(key);
        }
    }
}

impl FrameGuard {
    /// The await at `point` as a parent, and the one around it. `None` outside any task.
    pub(crate) fn place(&self, point: &'static AwaitPoint) -> Option<(ParentKey, ParentKey)> {
        let is_tracked = self.kind != PollKind::Untracked;
        is_tracked.then(|| (ParentKey::new(self.key, point), self.parent))
    }
}

impl Drop for FrameSlot {
    #[inline]
    fn drop(&mut self) {
        if self.id != NOT_TAKEN {
            self.release();
        }
    }
}

impl Drop for FrameGuard {
    /// Runs if the awaited future panics; the panic may be caught further out.
    #[cold]
    fn drop(&mut self) {
        if self.kind != PollKind::Untracked {
            with_thread(|thread| thread.parent.set(self.parent));
            if self.kind == PollKind::First {
                release_unused(self.key);
            }
        }
    }
}
