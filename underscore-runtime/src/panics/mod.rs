//! Panics in the code of tasks. A hook notes message and place in the task, and the end of the task
//! writes them to the host's log.

mod hook;
mod report;

pub(crate) use hook::install;
pub(crate) use report::report;

use crate::clock::Instant;

/// Writes the number of events that were left out, and restores the hook if the host's code has
/// replaced it. Called by the background thread of the admin side.
pub(crate) fn tick(now: Instant) {
    report::flush(now);
    hook::restore_if_replaced();
}
