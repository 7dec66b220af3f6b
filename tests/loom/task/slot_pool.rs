//! The stand-in for where slots come from: as many as a model has tasks at one time, new ones in
//! each run.

use super::slot::Slot;
use crate::sync::Mutex;

/// How many slots there are.
const SLOTS: usize = 2;

loom::lazy_static! {
    static ref ALL: [Slot; SLOTS] = std::array::from_fn(|_| Slot::new());

    /// Free slots that no thread keeps. As in the runtime, what hands a slot from one thread to
    /// another is this lock.
    static ref FREE: Mutex<Vec<&'static Slot>> = Mutex::new(ALL.iter().collect());
}

/// All slots, free or not.
pub(super) fn all() -> impl Iterator<Item = &'static Slot> {
    ALL.iter()
}

/// A free slot.
pub(super) fn take() -> &'static Slot {
    let slot = FREE.lock().pop();
    slot.expect("a model has no more tasks than slots")
}

/// Gives slots back that a thread kept.
pub(super) fn give_back(slots: impl Iterator<Item = &'static Slot>) {
    FREE.lock().extend(slots);
}
