//! Which task this thread is polling, and what changed in its stack since the poll began.
//!
//! It lives in a thread-local that a poll fills and empties, so awaits find their task without a
//! reference to it, and nothing here is shared between threads. What every poll touches are plain
//! cells; the list of changes is apart, for most polls change nothing.

mod seat;

use std::cell::{Cell, RefCell};
use std::sync::Arc;

pub(super) use self::seat::Seat;
use crate::stack::{Change, Keys, NodeKey, Parent};
use crate::task::{Ledger, Place, Task, TaskId};
use crate::workers::Turn;

thread_local! {
    static CURRENT: Current = const { Current::new() };
    /// Changes of the polls on this thread, those of an inner one behind those of its outer one. The
    /// memory is kept from poll to poll.
    static CHANGES: RefCell<Vec<Change>> = const { RefCell::new(Vec::new()) };
}

/// The poll that this thread is in.
struct Current {
    /// Its task, if it is in one. Apart from where that is found: to ask for the id is what every await does.
    id: Cell<Option<TaskId>>,
    home: Cell<Option<Home>>,
    keys: Cell<Keys>,
    /// The await that is being polled now.
    parent: Cell<Parent>,
    /// How many of the changes are this poll's.
    changes: Cell<u32>,
}

/// What [`Current`] holds, outside of its cells.
#[derive(Clone, Copy)]
struct Scope {
    id: TaskId,
    home: Option<Home>,
    keys: Keys,
    parent: Parent,
    changes: u32,
}

/// Where a task is entered.
#[derive(Clone, Copy, Debug)]
struct Home {
    ledger: &'static Ledger,
    place: Place,
}

/// A way back to a task for a future that lost it: cheap to copy, nothing to count.
#[derive(Clone, Copy, Debug)]
struct TaskRef {
    id: TaskId,
    home: Home,
}

impl TaskRef {
    /// The task, if it lives.
    fn task(self) -> Option<Arc<Task>> {
        self.home.ledger.find(self.home.place, self.id)
    }
}

impl Current {
    const fn new() -> Self {
        Current {
            id: Cell::new(None),
            home: Cell::new(None),
            keys: Cell::new(Keys::new()),
            parent: Cell::new(Parent::ROOT),
            changes: Cell::new(0),
        }
    }

    #[inline]
    fn set(&self, scope: Scope) {
        self.id.set(Some(scope.id));
        self.home.set(scope.home);
        self.keys.set(scope.keys);
        self.parent.set(scope.parent);
        self.changes.set(scope.changes);
    }

    /// The poll around the one that begins, to be gone on with after it. There seldom is one.
    #[cold]
    fn scope(&self, id: TaskId) -> Scope {
        Scope {
            id,
            home: self.home.get(),
            keys: self.keys.get(),
            parent: self.parent.get(),
            changes: self.changes.get(),
        }
    }

    fn task(&self) -> Option<TaskRef> {
        Some(TaskRef {
            id: self.id.get()?,
            home: self.home.get()?,
        })
    }

    fn change(&self, change: Change) {
        // A thread that is being torn down has no list any more, and no stack to show. It may still drop
        // a request: whoever keeps a runtime in a thread-local does so there.
        let noted = CHANGES.try_with(|changes| changes.borrow_mut().push(change));
        let changes = self.changes.get();
        self.changes
            .set(changes.wrapping_add(u32::from(noted.is_ok())));
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
        let task = self.task().and_then(TaskRef::task);
        task.map_or(NodeKey::ROOT, |task| task.tree().take_high())
    }

    /// Nothing was under it in this poll either, so it need not wait for the commit: a loop over awaits
    /// that are ready would use up key after key.
    #[cold]
    fn release_high_key(&self, key: NodeKey) {
        if let Some(task) = self.task().and_then(TaskRef::task) {
            task.tree().release_high(key);
        }
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
    if let Some(task) = current() {
        task.client_left();
    }
}

/// The task that this thread polls.
pub(super) fn current() -> Option<Arc<Task>> {
    CURRENT.with(Current::task)?.task()
}

/// Runs code of `task` that is no poll of its future: a drop.
pub(super) fn within(task: &Task, code: impl FnOnce()) {
    let mut poll = Poll::enter(task);
    code();
    poll.leave();
}

/// A poll of a task: its context is the thread's until the poll is left or handed on. One that is only dropped was cut
/// short by a panic: the thread goes on with what it was in before, and the task is marked by it for good.
///
/// What ends it borrows: handed on by value, it would be written to memory in small pieces and read back in large
/// ones, for which the processor has to wait.
pub(super) struct Poll<'a> {
    task: &'a Task,
    /// Behind a pointer, for most polls are in no other one.
    outer: Option<Box<Scope>>,
    /// Until the end.
    turn: Option<Turn>,
}

impl<'a> Poll<'a> {
    /// Makes `task` the thread's current one.
    #[inline]
    pub(super) fn enter(task: &'a Task) -> Self {
        let turn = Turn::begin(task.id);
        task.entered(turn.slot_number());
        let scope = Scope {
            id: task.id,
            home: Some(Home {
                ledger: task.ledger,
                place: task.own.place(),
            }),
            keys: task.own.keys(),
            parent: Parent::ROOT,
            changes: 0,
        };
        let outer = CURRENT.with(|current| {
            let outer = current.id.get().map(|id| Box::new(current.scope(id)));
            current.set(scope);
            outer
        });
        Poll {
            task,
            outer,
            turn: Some(turn),
        }
    }

    /// Makes what changed in the stack visible. To be called when the task goes on after this poll, or
    /// with its next future; without it the changes are forgotten with the task.
    #[inline]
    pub(super) fn commit(&self) {
        CURRENT.with(|current| {
            if self.turn.is_some() && current.changes.get() > 0 {
                commit_changes(current, self.task);
            }
        });
    }

    /// Ends the poll of a future that is done: the task's next one goes on within the same poll. Where the
    /// next one waits at no await that is known, nothing else would take this one's out of the stack.
    #[inline]
    pub(super) fn hand_on(&mut self) {
        self.commit();
        self.end(Task::handed_on);
    }

    /// Ends the poll, which has come back from the task's code.
    #[allow(clippy::inline_always, reason = "see `end`")]
    #[inline(always)]
    pub(super) fn leave(&mut self) {
        self.end(Task::left);
    }

    /// Notes on the task how the poll ends, and makes the thread's context what it was before. Once: it does nothing
    /// after that.
    #[allow(
        clippy::inline_always,
        reason = "every poll ends here, where it was entered"
    )]
    #[inline(always)]
    fn end(&mut self, note: impl FnOnce(&Task)) {
        let Some(turn) = self.turn.take() else {
            return;
        };
        note(self.task);
        turn.end();
        let (keys, changes) = CURRENT.with(|current| {
            let ended = (current.keys.get(), current.changes.get());
            match self.outer.take() {
                None => current.id.set(None),
                Some(outer) => current.set(*outer),
            }
            ended
        });
        self.task.own.set_keys(keys);
        if changes > 0 {
            take_changes(changes, |changes| drop(changes));
        }
    }

    /// The task's code panicked.
    #[cold]
    #[inline(never)]
    fn cut_short(&mut self) {
        self.end(|_| ());
    }
}

impl Drop for Poll<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.turn.is_some() {
            self.cut_short();
        }
    }
}

/// Apart, for most polls change nothing.
#[inline(never)]
fn commit_changes(current: &Current, task: &Task) {
    take_changes(current.changes.take(), |changes| {
        let mut keys = current.keys.get();
        keys.release_all(task.commit(changes));
        current.keys.set(keys);
    });
}

/// Takes the last `count` changes off the thread's list.
fn take_changes(count: u32, with: impl FnOnce(std::vec::Drain<'_, Change>)) {
    // Without a list nothing was put on it: see `Current::change`.
    let _ = CHANGES.try_with(|changes| {
        let mut changes = changes.borrow_mut();
        let first = changes.len().saturating_sub(count as usize);
        with(changes.drain(first..));
    });
}
