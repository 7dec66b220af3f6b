//! An await's place in the stack of its task: taken at the first `Pending`, given back when the
//! await is over, wherever its future is by then.

use crate::stack::{AwaitPoint, Node, NodeKey, ParentKey, TypeName};
use crate::task::{Slot, SlotRef, with_thread};

/// The place in a stack that one await has or has not taken.
#[derive(Debug)]
pub(crate) struct FrameSlot {
    /// The id of the task in whose stack it is; [`NOT_TAKEN`] if in none.
    id: u64,
    task: Option<SlotRef>,
    key: NodeKey,
    /// The await that it is in.
    parent: ParentKey,
}

/// No task's id, and not zero, which a thread has outside of all tasks.
const NOT_TAKEN: u64 = u64::MAX;

/// A poll of an await: until it is over, what is awaited inside is under the await's key.
pub(crate) struct FrameGuard {
    key: NodeKey,
    /// The await that it is in.
    parent: ParentKey,
    visit: Visit,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    /// The place was taken in an earlier poll.
    Again,
    /// The key was taken for this poll: nothing is under it yet.
    First,
    /// The thread polls no task.
    Outside,
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
            let (key, visit) = if self.id == current {
                (self.key, Visit::Again)
            } else {
                if self.id != NOT_TAKEN {
                    // The future was moved here from another task.
                    self.give_back_from_afar();
                }
                if current == 0 {
                    return FrameGuard {
                        key: NodeKey::ROOT,
                        parent: ParentKey::ROOT,
                        visit: Visit::Outside,
                    };
                }
                let key = thread.slot.get().map_or(NodeKey::ROOT, Slot::take_key);
                (key, Visit::First)
            };
            FrameGuard {
                key,
                parent: thread.parent.replace(ParentKey::new(key, point)),
                visit,
            }
        })
    }

    /// Ends a poll that returned `Pending`: the await is in the stack from now on.
    #[inline]
    pub(crate) fn pend(
        &mut self,
        guard: FrameGuard,
        point: &'static AwaitPoint,
        awaited: TypeName,
    ) {
        let FrameGuard { key, parent, visit } = guard;
        std::mem::forget(guard);
        if visit == Visit::Outside {
            return;
        }
        with_thread(|thread| {
            thread.parent.set(parent);
            if visit == Visit::Again && self.parent == parent {
                return;
            }
            self.id = thread.id.get();
            self.task = thread.slot.get().map(SlotRef::new);
            self.key = key;
            self.parent = parent;
            let node = Node {
                point,
                parent,
                awaited,
            };
            thread.note_change(key, Some(node));
        });
    }

    /// Ends a poll that returned `Ready`: the await is not, or no longer, in the stack.
    #[inline]
    pub(crate) fn finish(&mut self, guard: FrameGuard) {
        let FrameGuard { key, parent, visit } = guard;
        std::mem::forget(guard);
        if visit == Visit::Outside {
            return;
        }
        with_thread(|thread| thread.parent.set(parent));
        match visit {
            Visit::First => release_unused(key),
            Visit::Again | Visit::Outside => self.give_back(),
        }
    }

    /// Takes the await out of the stack that it is in.
    #[inline]
    fn give_back(&mut self) {
        let is_current = with_thread(|thread| {
            let is_current = thread.id.get() == self.id;
            if is_current && let Some(task) = self.task {
                thread.note_change(self.key, None);
                task.get().release_key(self.key);
            }
            is_current
        });
        if is_current {
            self.id = NOT_TAKEN;
        } else {
            self.give_back_from_afar();
        }
    }

    /// The future was moved out of its task, or outlived it.
    #[cold]
    #[inline(never)]
    fn give_back_from_afar(&mut self) {
        let id = std::mem::replace(&mut self.id, NOT_TAKEN);
        if let Some(task) = self.task.take() {
            task.get().clear_remote(id, self.key);
        }
    }
}

/// Gives back a key that nothing was ever put under.
#[inline]
fn release_unused(key: NodeKey) {
    if let Some(task) = with_thread(|thread| thread.slot.get()) {
        task.release_key(key);
        if key.is_high() {
            task.release_high_key(key);
        }
    }
}

impl Drop for FrameSlot {
    #[inline]
    fn drop(&mut self) {
        if self.id != NOT_TAKEN {
            self.give_back();
        }
    }
}

impl Drop for FrameGuard {
    /// The awaited future panicked, and the panic may be caught further out.
    #[cold]
    fn drop(&mut self) {
        if self.visit != Visit::Outside {
            with_thread(|thread| thread.parent.set(self.parent));
            if self.visit == Visit::First {
                release_unused(self.key);
            }
        }
    }
}
