//! What one task holds, and the locks that it waits for.

use smallvec::SmallVec;

use crate::clock::Instant;
use crate::stack::{AwaitPoint, ParentKey};

/// Returns the name of a type.
pub(crate) type TypeName = fn() -> &'static str;

/// A guard that a variable of a body is bound to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeldGuard {
    /// The await or call of that body that gave it.
    pub(crate) taken: &'static AwaitPoint,
    /// The innermost one, in a helper function.
    pub(crate) by: &'static AwaitPoint,
    /// The address of its lock, zero if it is unknown.
    pub(crate) lock: usize,
    /// The type of the guard.
    pub(crate) guard: TypeName,
    /// The await around the body.
    pub(crate) parent: ParentKey,
    /// When it was taken, to a tick of the coarse clock. `None` if that did not run.
    pub(crate) since: Option<Instant>,
    /// True if it was moved out of the variable, to where it may be dropped unseen.
    pub(crate) is_passed_on: bool,
}

/// The guards of a task and the locks that it waits for.
#[derive(Clone, Debug, Default)]
pub(crate) struct TaskLocks {
    /// In the order in which they were taken.
    held: SmallVec<[(u32, HeldGuard); 1]>,
    next: u32,
    /// The addresses of locks by the await that waits for them. An entry is stale if that await is
    /// no longer pending, and is replaced before it is pending again.
    waits: SmallVec<[(ParentKey, usize); 1]>,
}

impl TaskLocks {
    /// Adds a guard and returns its number.
    pub(crate) fn add(&mut self, held: HeldGuard) -> u32 {
        let number = self.next;
        self.next = number.wrapping_add(1);
        self.held.push((number, held));
        number
    }

    pub(crate) fn remove(&mut self, number: u32) -> Option<HeldGuard> {
        let at = self.held.iter().rposition(|(other, _)| *other == number)?;
        Some(self.held.remove(at).1)
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut HeldGuard> {
        let mut held = self.held.iter_mut();
        held.find(|(other, _)| *other == number)
            .map(|(_, held)| held)
    }

    /// Removes the guards of the body that `point` is an await of and `parent` is the await around.
    pub(crate) fn forget(&mut self, parent: ParentKey, point: &AwaitPoint) {
        self.held
            .retain(|(_, held)| held.parent != parent || !held.taken.is_in_body_of(point));
    }

    /// The await `key` waits for the lock with this address.
    pub(crate) fn set_wait(&mut self, key: ParentKey, lock: usize) {
        // A key is used by one await at a time.
        match self
            .waits
            .iter_mut()
            .find(|(other, _)| other.has_key_of(key))
        {
            Some(wait) => *wait = (key, lock),
            None => self.waits.push((key, lock)),
        }
    }

    /// The guards, oldest first.
    pub(crate) fn held(&self) -> impl Iterator<Item = &HeldGuard> {
        self.held.iter().map(|(_, held)| held)
    }

    /// The address of the lock that the pending await `key` waits for, zero if it is unknown.
    pub(crate) fn awaited_lock(&self, key: ParentKey) -> usize {
        let mut waits = self.waits.iter();
        waits
            .find(|(other, _)| *other == key)
            .map_or(0, |(_, lock)| *lock)
    }
}
