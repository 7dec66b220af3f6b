//! A reference to a slot for use in futures.

use std::fmt;

use super::slot::Slot;

/// A reference to a slot that is stored in a future.
///
/// In debug builds its type is erased: the compiler checks many times whether the future of a
/// handler is `Send`, and would descend into all fields of a slot.
#[derive(Clone, Copy)]
pub(crate) struct SlotRef(Reference);

#[cfg(debug_assertions)]
type Reference = &'static (dyn AsSlot + Send + Sync);
#[cfg(not(debug_assertions))]
type Reference = &'static Slot;

trait AsSlot {
    fn as_slot(&'static self) -> &'static Slot;
}

impl AsSlot for Slot {
    #[inline]
    fn as_slot(&'static self) -> &'static Slot {
        self
    }
}

impl SlotRef {
    #[inline]
    pub(crate) fn new(slot: &'static Slot) -> Self {
        SlotRef(slot)
    }

    #[inline]
    pub(crate) fn get(self) -> &'static Slot {
        self.0.as_slot()
    }
}

impl fmt::Debug for SlotRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}
