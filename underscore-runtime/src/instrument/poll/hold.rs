//! The marker behind a variable that is bound to a guard.

use std::any::type_name;
use std::fmt;
use std::mem::needs_drop;

use super::acquired;
use crate::clock;
use crate::guards::{self, HeldGuard, TypeName};
use crate::stack::AwaitPoint;
use crate::task::{SlotRef, with_thread};

/// Declared right after a variable, and so dropped right before it: meanwhile the task is listed as
/// the holder of the guard that the variable has. Does nothing if that is no guard.
#[must_use = "the guard is held while this lives"]
pub struct Hold {
    claim: Option<Claim>,
}

/// An entry among the guards of a task.
struct Claim {
    task: SlotRef,
    /// The id of the task.
    id: u64,
    number: u32,
}

/// The task that this thread polls holds `value`, if that is a guard. It was given at one of
/// `points`; the last one is shown if it is not known which.
#[inline]
pub fn hold<T>(points: &'static [AwaitPoint], value: &T) -> Hold {
    let _ = value;
    if needs_drop::<T>() && guards::is_guard(type_name::<T>()) {
        claim(points, type_name::<T>)
    } else {
        Hold { claim: None }
    }
}

#[inline(never)]
fn claim(points: &'static [AwaitPoint], guard: TypeName) -> Hold {
    let (id, slot, parent) =
        with_thread(|thread| (thread.id.get(), thread.slot.get(), thread.parent.get()));
    let (Some(slot), true) = (slot, id != 0) else {
        return Hold { claim: None };
    };
    let claim = acquired::take_origin(id, parent, points).map(|origin| {
        let number = slot.add_hold(HeldGuard {
            taken: origin.taken,
            by: origin.by,
            lock: origin.lock,
            guard,
            parent,
            since: clock::coarse(),
            is_passed_on: false,
        });
        Claim {
            task: SlotRef::new(slot),
            id,
            number,
        }
    });
    Hold { claim }
}

impl Hold {
    /// The guard is dropped or moved.
    #[inline]
    pub fn release(&mut self) {
        if let Some(claim) = self.claim.take() {
            claim.release();
        }
    }

    /// The guard is the value of the function: the caller holds it from here on.
    #[inline]
    pub fn hand_out(&mut self) {
        if let Some(claim) = self.claim.take() {
            claim.hand_out();
        }
    }

    /// The guard is moved elsewhere, where it may still be held.
    #[inline]
    pub fn pass_on(&mut self) {
        if let Some(claim) = &self.claim {
            claim.pass_on();
        }
    }

    /// Methods with these names are called on the guard. It is moved if its type has one of them
    /// that takes it by value.
    #[inline]
    pub fn release_if_taken_by(&mut self, methods: &'static [&'static str]) {
        if let Some(claim) = &self.claim
            && claim.is_taken_by(methods)
        {
            self.release();
        }
    }
}

impl Claim {
    #[inline(never)]
    fn release(self) {
        self.task.get().remove_hold(self.id, self.number);
    }

    #[inline(never)]
    fn hand_out(self) {
        if let Some(held) = self.task.get().remove_hold(self.id, self.number) {
            acquired::hand_out(self.id, &held);
        }
    }

    #[inline(never)]
    fn pass_on(&self) {
        self.task.get().pass_hold_on(self.id, self.number);
    }

    #[inline(never)]
    fn is_taken_by(&self, methods: &[&str]) -> bool {
        let guard = self.task.get().hold_type(self.id, self.number);
        guard.is_some_and(|guard| {
            let takes = |method: &&str| guards::takes_by_value(guard(), method);
            methods.iter().any(takes)
        })
    }
}

impl Drop for Hold {
    #[inline]
    fn drop(&mut self) {
        self.release();
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").finish_non_exhaustive()
    }
}
