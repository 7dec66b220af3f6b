//! Where slots come from: chunks that are allocated as they are needed and never freed, and the
//! free slots that no thread keeps for itself.
//!
//! So a process keeps as many slots as it had tasks at one time. A free one costs its memory, and a
//! look at its id when tasks are listed.

use super::slot::Slot;
use crate::sync::Mutex;

/// How many slots are allocated at a time, and move between a thread and this pool at a time.
pub(super) const BATCH: u32 = 64;

/// All slots, in chunks.
static CHUNKS: Mutex<Vec<&'static [Slot]>> = Mutex::new(Vec::new());

/// Free slots that no thread keeps.
static FREE: Mutex<Vec<&'static Slot>> = Mutex::new(Vec::new());

/// All slots, free or not.
pub(super) fn all() -> impl Iterator<Item = &'static Slot> {
    let chunks = CHUNKS.lock().clone();
    chunks.into_iter().flatten()
}

/// Calls `each` with up to [`BATCH`] free slots, and with at least one.
pub(super) fn take_batch(each: impl FnMut(&'static Slot)) {
    let mut free = FREE.lock();
    let first = free.len().saturating_sub(BATCH as usize);
    if free.is_empty() {
        drop(free);
        allocate().iter().rev().for_each(each);
    } else {
        free.drain(first..).for_each(each);
    }
}

/// A free slot.
pub(super) fn take() -> &'static Slot {
    loop {
        if let Some(slot) = FREE.lock().pop() {
            return slot;
        }
        FREE.lock().extend(allocate());
    }
}

/// Gives slots back that a thread kept.
pub(super) fn give_back(slots: impl Iterator<Item = &'static Slot>) {
    FREE.lock().extend(slots);
}

fn allocate() -> &'static [Slot] {
    let chunk: Vec<Slot> = (0..BATCH).map(|_| Slot::new()).collect();
    let chunk: &'static [Slot] = Vec::leak(chunk);
    CHUNKS.lock().push(chunk);
    chunk
}
