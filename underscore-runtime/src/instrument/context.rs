//! Which task this thread is polling, and what changed in its stack since the poll began.
//!
//! It lives in a thread-local that a poll fills and empties, so awaits find their task without a
//! reference to it, and nothing here is shared between threads.

use std::cell::RefCell;

use crate::stack::{Change, Keys, Node, NodeKey};
use crate::task::{Place, Task, TaskId};
use crate::route::Route;

thread_local! {
    static CONTEXT: RefCell<Context> = const { RefCell::new(Context::new()) };
}

struct Context {
    scope: Option<Scope>,
    /// Changes of the scopes on this thread, those of an inner one behind those of its outer one. The
    /// memory is kept from poll to poll.
    changes: Vec<Change>,
}

/// What a poll of a task brings along.
struct Scope {
    task: TaskRef,
    keys: Keys,
    /// The await that is being polled now.
    parent: NodeKey,
    /// Where this scope's changes begin.
    first_change: usize,
}

/// A way back to a task for a future that lost it: cheap to copy, nothing to count.
#[derive(Clone, Copy, Debug)]
pub(super) struct TaskRef {
    pub(super) id: TaskId,
    pub(super) route: &'static Route,
    pub(super) place: Place,
}

/// A poll of a task: its context is the thread's until this is dropped.
pub(super) struct Poll<'a> {
    task: &'a Task,
    keys: &'a mut Keys,
    outer: Option<Scope>,
}

impl Context {
    const fn new() -> Self {
        Context {
            scope: None,
            changes: Vec::new(),
        }
    }
}

impl<'a> Poll<'a> {
    /// Makes `task` the thread's current one.
    #[inline]
    pub(super) fn enter(task: &'a Task, reference: TaskRef, keys: &'a mut Keys) -> Self {
        task.entered();
        let outer = CONTEXT.with_borrow_mut(|context| {
            context.scope.replace(Scope {
                task: reference,
                keys: std::mem::take(keys),
                parent: NodeKey::ROOT,
                first_change: context.changes.len(),
            })
        });
        Poll { task, keys, outer }
    }

    /// Makes what changed in the stack visible. To be called when the poll returned `Pending`;
    /// without it the changes are forgotten with the task.
    #[inline]
    pub(super) fn commit(&mut self) {
        CONTEXT.with_borrow_mut(|context| {
            if let Some(scope) = &context.scope {
                let changes = &mut context.changes;
                if changes.len() > scope.first_change {
                    self.task.commit(changes.drain(scope.first_change..));
                }
            }
        });
    }
}

impl Drop for Poll<'_> {
    #[inline]
    fn drop(&mut self) {
        // A thread that is being torn down has no context any more, and no tasks to poll.
        let _ = CONTEXT.try_with(|context| {
            let mut context = context.borrow_mut();
            if let Some(scope) = std::mem::replace(&mut context.scope, self.outer.take()) {
                context.changes.truncate(scope.first_change);
                *self.keys = scope.keys;
            }
        });
        self.task.left();
    }
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
        let place = CONTEXT.with_borrow_mut(|context| {
            let scope = context.scope.as_mut()?;
            let key = match self.taken {
                Some(taken) if taken.task.id == scope.task.id => taken.key,
                _ => scope.keys.take(),
            };
            Some((key, std::mem::replace(&mut scope.parent, key)))
        });
        Visit { place }
    }

    /// Ends a poll that returned `Pending`: the await is in the stack from now on.
    #[inline]
    pub(super) fn wait(&mut self, mut visit: Visit, point: &'static crate::stack::AwaitPoint) {
        let Some((key, parent)) = visit.leave() else {
            return;
        };
        let moved_from = CONTEXT.with_borrow_mut(|context| {
            let scope = context.scope.as_mut()?;
            let before = self.taken.replace(Taken {
                task: scope.task,
                key,
                parent,
            });
            let known = before.filter(|before| before.task.id == scope.task.id);
            if known.is_none_or(|known| known.parent != parent) {
                let node = Node { point, parent };
                context.changes.push(Change::Set(key, node));
            }
            before.filter(|before| before.task.id != scope.task.id)
        });
        if let Some(elsewhere) = moved_from {
            elsewhere.give_back();
        }
    }

    /// Ends a poll that returned `Ready`: the await is not, or no longer, in the stack.
    #[inline]
    pub(super) fn pass(&mut self, mut visit: Visit) {
        let Some((key, _)) = visit.leave() else {
            return;
        };
        match self.taken {
            Some(_) => self.give_back(),
            None => CONTEXT.with_borrow_mut(|context| {
                if let Some(scope) = &mut context.scope {
                    scope.keys.release(key);
                }
            }),
        }
    }

    #[inline]
    fn give_back(&mut self) {
        if let Some(taken) = self.taken.take() {
            taken.give_back();
        }
    }
}

impl Drop for Seat {
    #[inline]
    fn drop(&mut self) {
        self.give_back();
    }
}

impl Taken {
    /// Takes the await out of the stack it is in.
    fn give_back(self) {
        let here = CONTEXT.try_with(|context| {
            let context = &mut *context.borrow_mut();
            match &mut context.scope {
                Some(scope) if scope.task.id == self.task.id => {
                    context.changes.push(Change::Clear(self.key));
                    scope.keys.release(self.key);
                    true
                }
                _ => false,
            }
        });
        if !here.unwrap_or(false) {
            self.give_back_from_afar();
        }
    }

    /// The future was moved out of its task, or outlived it. Its key stays taken, for the pool is in the
    /// hands of the thread that polls the task; that costs one number.
    #[cold]
    fn give_back_from_afar(self) {
        let TaskRef { id, route, place } = self.task;
        if let Some(task) = route.ledger.find(place, id) {
            task.commit(std::iter::once(Change::Clear(self.key)));
        }
    }
}

impl Visit {
    /// Makes the await around this one current again.
    #[inline]
    fn leave(&mut self) -> Option<(NodeKey, NodeKey)> {
        let place = self.place.take()?;
        // No context: the thread is being torn down.
        let _ = CONTEXT.try_with(|context| {
            if let Some(scope) = &mut context.borrow_mut().scope {
                scope.parent = place.1;
            }
        });
        Some(place)
    }
}

impl Drop for Visit {
    /// Where the awaited future panicked, and the panic may be caught further out.
    fn drop(&mut self) {
        self.leave();
    }
}
