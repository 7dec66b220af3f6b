//! An await's seat in the stack: taken at the first `Pending`, given back when the await is over, wherever
//! its future is by then.

use super::{CURRENT, TaskRef};
use crate::stack::{AwaitPoint, Change, Node, NodeKey, Parent, TypeName};

/// An await's seat in the stack of the task it is polled in.
#[derive(Debug)]
pub(in crate::instrument) struct Seat {
    taken: Option<Taken>,
}

#[derive(Clone, Copy, Debug)]
struct Taken {
    task: TaskRef,
    key: NodeKey,
    parent: Parent,
}

/// A poll of an await: what is awaited inside of it is under its key until this is left.
pub(in crate::instrument) struct Visit {
    /// Nothing outside of a task.
    place: Option<Visited>,
}

struct Visited {
    key: NodeKey,
    /// What the await is in.
    parent: Parent,
    /// The key was taken for this visit: nothing is under it yet.
    is_new: bool,
}

impl Seat {
    pub(in crate::instrument) const fn new() -> Self {
        Seat { taken: None }
    }

    /// Begins a poll of the await.
    #[inline]
    pub(in crate::instrument) fn visit(&mut self, point: &'static AwaitPoint) -> Visit {
        let place = CURRENT.with(|current| {
            let id = current.id.get();
            let (key, is_new) = match &self.taken {
                Some(taken) if Some(taken.task.id) == id => (taken.key, false),
                taken => {
                    if taken.is_some() {
                        self.leave_other_task();
                    }
                    id?;
                    (current.take_key(), true)
                }
            };
            Some(Visited {
                key,
                parent: current.parent.replace(Parent::new(key, point)),
                is_new,
            })
        });
        Visit { place }
    }

    /// The future was moved here from another task, whose stack it is no longer in.
    #[cold]
    fn leave_other_task(&mut self) {
        if let Some(taken) = self.taken.take() {
            taken.give_back_from_afar();
        }
    }

    /// Ends a poll that returned `Pending`: the await is in the stack from now on.
    #[inline]
    pub(in crate::instrument) fn wait(
        &mut self,
        mut visit: Visit,
        point: &'static AwaitPoint,
        awaited: TypeName,
    ) {
        let Some(Visited { key, parent, .. }) = visit.leave() else {
            return;
        };
        if self.taken.is_some_and(|taken| taken.parent == parent) {
            return;
        }
        CURRENT.with(|current| {
            if let Some(task) = current.task() {
                self.taken = Some(Taken { task, key, parent });
                current.change(Change::Set(
                    key,
                    Node {
                        point,
                        parent,
                        awaited,
                    },
                ));
            }
        });
    }

    /// Ends a poll that returned `Ready`: the await is not, or no longer, in the stack.
    #[inline]
    pub(in crate::instrument) fn pass(&mut self, mut visit: Visit) {
        let Some(visited) = visit.leave() else {
            return;
        };
        match self.taken.take() {
            Some(taken) => taken.give_back(),
            None => release_unused(visited.key),
        }
    }
}

/// Gives back a key that nothing was ever put under.
#[inline]
fn release_unused(key: NodeKey) {
    CURRENT.with(|current| {
        current.release_key(key);
        if key.is_high() {
            current.release_high_key(key);
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
            let here = current.id.get() == Some(self.task.id);
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

    /// The future was moved out of its task, or outlived it.
    #[cold]
    fn give_back_from_afar(self) {
        if let Some(task) = self.task.task() {
            task.tree().clear_from_afar(self.key);
        }
    }
}

impl Visit {
    /// Makes the await around this one current again.
    #[inline]
    fn leave(&mut self) -> Option<Visited> {
        let visited = self.place.take()?;
        CURRENT.with(|current| current.parent.set(visited.parent));
        Some(visited)
    }
}

impl Drop for Visit {
    /// Where the awaited future panicked, and the panic may be caught further out.
    #[inline]
    fn drop(&mut self) {
        if let Some(visited) = self.leave().filter(|visited| visited.is_new) {
            release_unused(visited.key);
        }
    }
}
