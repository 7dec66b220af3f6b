//! The place in a stack of what awaits in a way that the attribute cannot see: a macro of the user's.

use std::fmt;

use super::frame_slot::FrameSlot;
use crate::stack::AwaitPoint;

/// Keeps `point` in the stack of the task until the value is dropped.
///
/// What is awaited meanwhile is not below it, but beside it: no poll goes through it.
#[must_use = "the point is in the stack until this is dropped"]
pub fn within(point: &'static AwaitPoint) -> Within {
    let mut slot = FrameSlot::new();
    let guard = slot.enter(point);
    slot.pend(guard, point, || "");
    Within { _slot: slot }
}

/// A point that is in a stack until this is dropped.
pub struct Within {
    _slot: FrameSlot,
}

impl fmt::Debug for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Within").finish_non_exhaustive()
    }
}
