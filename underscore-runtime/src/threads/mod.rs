//! The threads that poll tasks: what each says of itself while it is in a poll, in a record that it
//! alone writes, and which of its runtime's workers it is. Whether that is blocked is found out
//! above, in `workers`.

mod kernel;
mod record;
mod runtime_number;
mod worker_search;

use tokio::runtime::Handle;

pub(crate) use kernel::Sleep;
pub(crate) use record::{Reading, Thread, ThreadRecord, all, polling, with_number};
pub(crate) use runtime_number::RuntimeNumber;
pub(crate) use worker_search::{WorkerCounts, WorkerSearch};

use crate::clock;
use crate::sync::Mutex;

/// Runtimes that tasks were polled in since [`take_new_runtimes`] was called last.
static RUNTIMES: Mutex<Vec<Handle>> = Mutex::new(Vec::new());

/// Notes a runtime that tasks are polled in. Only while the sampler runs: a handle keeps
/// descriptors of its runtime open, and without the sampler nothing would let go of it.
fn record_runtime(handle: Handle) {
    let mut runtimes = RUNTIMES.lock();
    // Under the lock: the sampler takes what there is after it has stopped the clock.
    let is_new = || !runtimes.iter().any(|known| known.id() == handle.id());
    if clock::is_coarse_running() && is_new() {
        runtimes.push(handle);
    }
}

/// The runtimes that tasks were polled in since the last call.
pub(crate) fn take_new_runtimes() -> Vec<Handle> {
    std::mem::take(&mut *RUNTIMES.lock())
}
