//! Runtimes in which tasks were polled, on their way from the polling threads to `workers`.

use tokio::runtime::Handle;

use crate::clock;
use crate::sync::Mutex;

/// The runtimes recorded since the last call of [`take_new_runtimes`].
static NEW_RUNTIMES: Mutex<Vec<Handle>> = Mutex::new(Vec::new());

/// Records a runtime in which tasks are polled, while the sampler runs. A handle keeps file
/// descriptors of its runtime open, and only the sampler drops it.
pub(super) fn record_runtime(handle: Handle) {
    let mut runtimes = NEW_RUNTIMES.lock();
    // Under the lock: the sampler stops the clock before it takes the last handles.
    let is_new = || !runtimes.iter().any(|known| known.id() == handle.id());
    if clock::is_coarse_running() && is_new() {
        runtimes.push(handle);
    }
}

/// Takes the runtimes in which tasks were polled since the last call.
pub(crate) fn take_new_runtimes() -> Vec<Handle> {
    std::mem::take(&mut *NEW_RUNTIMES.lock())
}
