//! A task while it is polled: which task the thread polls, where in the code it waits, and how it
//! ends.

mod at_await;
mod frame_slot;
mod guard;
mod scope;
mod timeout;
mod tracked;
mod within;

pub use at_await::{At, at};
pub(super) use guard::Guard;
pub(super) use scope::{PollScope, current};
pub(super) use timeout::expire_after;
pub(super) use tracked::{Stage, StageEnd, Tracked, drop_in_task};
pub use within::within;
