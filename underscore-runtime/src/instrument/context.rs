//! Which task this thread is polling, and what changed in its stack since the poll began.
//!
//! It lives in a thread-local that a poll fills and empties, so awaits find their task without a
//! reference to it, and nothing here is shared between threads. What every poll touches are plain
//! cells; the list of changes is apart, for most polls change nothing.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use crate::route::Route;
use crate::stack::{AwaitPoint, Change, Keys, Node, NodeKey};
use crate::task::{Place, Task, TaskId};

thread_local! {
    static CURRENT: Current = const { Current::new() };
    /// Changes of the polls on this thread, those of an inner one behind those of its outer one. The
    /// memory is kept from poll to poll.
    static CHANGES: RefCell<Vec<Change>> = const { RefCell::new(Vec::new()) };
}

/// The poll that this thread is in.
struct Current {
    task: Cell<Option<TaskRef>>,
    keys: Cell<Keys>,
    /// The await that is being polled now.
    parent: Cell<NodeKey>,
    /// How many of the changes are this poll's.
    changes: Cell<u32>,
}

/// What [`Current`] holds, outside of its cells.
#[derive(Clone, Copy)]
struct Scope {
    task: Option<TaskRef>,
    keys: Keys,
    parent: NodeKey,
    changes: u32,
}

/// A way back to a task for a future that lost it: cheap to copy, nothing to count.
#[derive(Clone, Copy, Debug)]
pub(super) struct TaskRef {
    pub(super) id: TaskId,
    pub(super) route: &'static Route,
    pub(super) place: Place,
}

impl TaskRef {
    /// The task, if it lives.
    fn task(self) -> Option<Arc<Task>> {
        self.route.ledger.find(self.place, self.id)
    }
}

impl Current {
    const fn new() -> Self {
        Current {
            task: Cell::new(None),
            keys: Cell::new(Keys::new()),
            parent: Cell::new(NodeKey::ROOT),
            changes: Cell::new(0),
        }
    }

    /// Puts `scope` in place of what is there, and returns that.
    #[inline]
    fn replace(&self, scope: Scope) -> Scope {
        Scope {
            task: self.task.replace(scope.task),
            keys: self.keys.replace(scope.keys),
            parent: self.parent.replace(scope.parent),
            changes: self.changes.replace(scope.changes),
        }
    }

    #[inline]
    fn task_id(&self) -> Option<TaskId> {
        self.task.get().map(|task| task.id)
    }

    fn change(&self, change: Change) {
        CHANGES.with_borrow_mut(|changes| changes.push(change));
        self.changes.set(self.changes.get() + 1);
    }

    #[inline]
    fn take_key(&self) -> NodeKey {
        let mut keys = self.keys.get();
        let key = keys.take();
        self.keys.set(keys);
        key.unwrap_or_else(|| self.take_high_key())
    }

    /// More than 64 awaits at once in one task: their keys are the tree's.
    #[cold]
    fn take_high_key(&self) -> NodeKey {
        let task = self.task.get().and_then(TaskRef::task);
        task.map_or(NodeKey::ROOT, |task| task.tree().take_high())
    }

    #[inline]
    fn release_key(&self, key: NodeKey) {
        let mut keys = self.keys.get();
        keys.release(key);
        self.keys.set(keys);
    }
}

/// Notes on the thread's current task that its client stopped in the middle of the request.
pub(super) fn note_that_client_left() {
    let task = CURRENT.with(|current| current.task.get());
    if let Some(task) = task.and_then(TaskRef::task) {
        task.client_left();
    }
}

/// A poll of a task: its context is the thread's until this is dropped. The poll is over when it is
/// left; one that is only dropped was cut short by a panic, and the task is marked by it for good.
pub(super) struct Poll<'a> {
    task: &'a Task,
    keys: &'a mut Keys,
    outer: Scope,
}

impl<'a> Poll<'a> {
    /// Makes `task` the thread's current one.
    #[inline]
    pub(super) fn enter(task: &'a Task, reference: TaskRef, keys: &'a mut Keys) -> Self {
        task.entered();
        let scope = Scope {
            task: Some(reference),
            keys: *keys,
            parent: NodeKey::ROOT,
            changes: 0,
        };
        let outer = CURRENT.with(|current| current.replace(scope));
        Poll { task, keys, outer }
    }

    /// Makes what changed in the stack visible. To be called when the poll returned `Pending`;
    /// without it the changes are forgotten with the task.
    #[inline]
    pub(super) fn commit(&mut self) {
        CURRENT.with(|current| {
            let count = current.changes.take();
            if count > 0 {
                take_changes(count, |changes| self.task.commit(changes));
            }
        });
    }

    /// Ends the poll, which has come back from the task's code.
    #[inline]
    pub(super) fn leave(self) {
        self.task.left();
    }
}

impl Drop for Poll<'_> {
    #[inline]
    fn drop(&mut self) {
        let scope = CURRENT.with(|current| current.replace(self.outer));
        *self.keys = scope.keys;
        if scope.changes > 0 {
            take_changes(scope.changes, |changes| drop(changes));
        }
    }
}

/// Takes the last `count` changes off the thread's list.
fn take_changes(count: u32, with: impl FnOnce(std::vec::Drain<'_, Change>)) {
    // A thread that is being torn down has no list any more, and no stack to show.
    let _ = CHANGES.try_with(|changes| {
        let mut changes = changes.borrow_mut();
        let first = changes.len().saturating_sub(count as usize);
        with(changes.drain(first..));
    });
}

/// An await's seat in the stack of the task it is polled in.
#[derive(Debug)]
pub(super) struct Seat {
    taken: Option<Taken>,
}

#[derive(Clone, Copy, Debug)]
struct Taken {
    task: TaskRef,
    key: NodeKey,
    parent: NodeKey,
}

/// A poll of an await: what is awaited inside of it is under its key until this is left.
pub(super) struct Visit {
    /// The key during this visit and the await around it; nothing outside of a task.
    place: Option<(NodeKey, NodeKey)>,
}

impl Seat {
    pub(super) const fn new() -> Self {
        Seat { taken: None }
    }

    /// Begins a poll of the await.
    #[inline]
    pub(super) fn visit(&mut self) -> Visit {
        let place = CURRENT.with(|current| {
            let id = current.task_id()?;
            let key = match &self.taken {
                Some(taken) if taken.task.id == id => taken.key,
                _ => current.take_key(),
            };
            Some((key, current.parent.replace(key)))
        });
        Visit { place }
    }

    /// Ends a poll that returned `Pending`: the await is in the stack from now on.
    #[inline]
    pub(super) fn wait(&mut self, mut visit: Visit, point: &'static AwaitPoint) {
        let Some((key, parent)) = visit.leave() else {
            return;
        };
        let settled = |taken: &Taken, id| taken.task.id == id && taken.parent == parent;
        CURRENT.with(|current| match (current.task.get(), &self.taken) {
            (Some(task), Some(taken)) if settled(taken, task.id) => {}
            (Some(task), _) => self.take(current, point, Taken { task, key, parent }),
            (None, _) => {}
        });
    }

    fn take(&mut self, current: &Current, point: &'static AwaitPoint, taken: Taken) {
        let Taken { task, key, parent } = taken;
        current.change(Change::Set(key, Node { point, parent }));
        let before = self.taken.replace(taken);
        if let Some(elsewhere) = before.filter(|before| before.task.id != task.id) {
            elsewhere.give_back_from_afar();
        }
    }

    /// Ends a poll that returned `Ready`: the await is not, or no longer, in the stack.
    #[inline]
    pub(super) fn pass(&mut self, mut visit: Visit) {
        let Some((key, _)) = visit.leave() else {
            return;
        };
        let id = CURRENT.with(Current::task_id);
        let taken = self.taken.take();
        if taken.is_none_or(|taken| Some(taken.task.id) != id) {
            release_unused(key);
        }
        if let Some(taken) = taken {
            taken.give_back();
        }
    }
}

/// Gives back a key that nothing was ever put under.
#[inline]
fn release_unused(key: NodeKey) {
    CURRENT.with(|current| {
        current.release_key(key);
        if key.is_high() {
            current.change(Change::Clear(key));
        }
    });
}

impl Drop for Seat {
    #[inline]
    fn drop(&mut self) {
        if let Some(taken) = self.taken.take() {
            taken.give_back();
        }
    }
}

impl Taken {
    /// Takes the await out of the stack it is in.
    fn give_back(self) {
        let here = CURRENT.with(|current| {
            let here = current.task_id() == Some(self.task.id);
            if here {
                current.change(Change::Clear(self.key));
                current.release_key(self.key);
            }
            here
        });
        if !here {
            self.give_back_from_afar();
        }
    }

    /// The future was moved out of its task, or outlived it. A key below 64 stays taken, for those are
    /// in the hands of the thread that polls the task; that costs one number.
    #[cold]
    fn give_back_from_afar(self) {
        if let Some(task) = self.task.task() {
            task.tree().apply(&Change::Clear(self.key));
        }
    }
}

impl Visit {
    /// Makes the await around this one current again.
    #[inline]
    fn leave(&mut self) -> Option<(NodeKey, NodeKey)> {
        let place = self.place.take()?;
        CURRENT.with(|current| current.parent.set(place.1));
        Some(place)
    }
}

impl Drop for Visit {
    /// Where the awaited future panicked, and the panic may be caught further out.
    #[inline]
    fn drop(&mut self) {
        self.leave();
    }
}
