//! Stand-in for the pool of slots: as many as a model has tasks at one time, new in each run.

use super::slot::Slot;
use crate::sync::Mutex;

/// Number of slots.
const SLOTS: usize = 2;

loom::lazy_static! {
    static ref ALL: [Slot; SLOTS] = std::array::from_fn(|_| Slot::new());

    /// Free slots that no thread caches. As in the runtime, this lock synchronizes the threads that
    /// use a slot one after the other.
    static ref FREE: Mutex<Vec<&'static Slot>> = Mutex::new(ALL.iter().collect());
}

/// All slots, free or not, in one chunk.
pub(super) fn chunks() -> Vec<&'static [Slot]> {
    vec![ALL.as_slice()]
}

/// All slots, free or not.
pub(super) fn all() -> impl Iterator<Item = &'static Slot> {
    ALL.iter()
}

/// Takes a free slot.
pub(super) fn take() -> &'static Slot {
    let slot = FREE.lock().pop();
    slot.expect("a model has at most as many tasks as slots")
}

/// Returns slots that a thread cached.
pub(super) fn give_back(slots: impl Iterator<Item = &'static Slot>) {
    FREE.lock().extend(slots);
}
