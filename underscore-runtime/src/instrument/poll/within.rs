//! Places in the stack for awaits that the attribute cannot rewrite: those inside a user's macro.

use std::fmt;

use super::frame_slot::FrameSlot;
use crate::stack::AwaitPoint;

/// Keeps `point` in the stack of the task until the value is dropped.
///
/// Awaits in the meantime are its siblings, not its children, because no poll passes through it.
#[must_use = "the point is in the stack until this is dropped"]
pub fn within(point: &'static AwaitPoint) -> Within {
    let mut slot = FrameSlot::new();
    let guard = slot.enter(point);
    slot.pend(guard, point, || ("", ""));
    Within { _slot: slot }
}

/// Keeps a point in a stack until it is dropped.
pub struct Within {
    _slot: FrameSlot,
}

impl fmt::Debug for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Within").finish_non_exhaustive()
    }
}
