//! A task while it is polled: which task the thread polls, where in the code it waits, and how it
//! ends.

mod acquired;
mod at_await;
mod frame_slot;
mod guard;
mod hold;
mod lock_address;
mod scope;
mod timeout;
mod tracked;
mod within;

pub use acquired::acquired;
pub use at_await::{At, at, at_guard, at_lock};
pub(super) use guard::Guard;
pub use hold::{Hold, hold};
pub use lock_address::{KnownLock, Place, UnknownLock};
pub(super) use scope::{PollScope, current};
pub(super) use timeout::expire_after;
pub(super) use tracked::{Stage, StageEnd, Tracked, drop_in_task};
pub use within::within;
