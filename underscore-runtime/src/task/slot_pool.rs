//! The pool of slots: chunks that are allocated on demand and never freed, and the free slots that
//! no thread caches.
//!
//! A process keeps as many slots as it ever had tasks at one time. A free slot costs its memory,
//! and one load when tasks are listed.

use super::slot::Slot;
use crate::sync::Mutex;

/// Number of slots that are allocated at once, and moved between a thread and the pool at once.
pub(super) const BATCH: u32 = 64;

/// All slots, in chunks.
static CHUNKS: Mutex<Vec<&'static [Slot]>> = Mutex::new(Vec::new());

/// Free slots that no thread caches.
static FREE: Mutex<Vec<&'static Slot>> = Mutex::new(Vec::new());

/// All slots, free or not, in chunks.
pub(super) fn chunks() -> Vec<&'static [Slot]> {
    CHUNKS.lock().clone()
}

/// All slots, free or not.
pub(super) fn all() -> impl Iterator<Item = &'static Slot> {
    chunks().into_iter().flatten()
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

/// Takes a free slot.
pub(super) fn take() -> &'static Slot {
    loop {
        if let Some(slot) = FREE.lock().pop() {
            return slot;
        }
        FREE.lock().extend(allocate());
    }
}

/// Returns slots that a thread cached.
pub(super) fn give_back(slots: impl Iterator<Item = &'static Slot>) {
    FREE.lock().extend(slots);
}

fn allocate() -> &'static [Slot] {
    let chunk: Vec<Slot> = (0..BATCH).map(|_| Slot::new()).collect();
    let chunk: &'static [Slot] = Vec::leak(chunk);
    CHUNKS.lock().push(chunk);
    chunk
}
