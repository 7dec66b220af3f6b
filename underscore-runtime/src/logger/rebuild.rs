//! Makes `tracing` ask the subscribers again which events they want.

use tracing::callsite::rebuild_interest_cache;
use tracing::dispatcher::{Dispatch, get_default};
use tracing::subscriber::NoSubscriber;

use crate::sync::contained;

/// Called without a lock of this crate: it runs code of the host's subscribers.
pub(super) fn rebuild() {
    contained(|| {
        // While a process has one subscriber, `tracing` asks that of the calling thread, and would
        // disable everything if the thread has none. It asks all of them once there were two.
        if get_default(Dispatch::is::<NoSubscriber>) {
            drop(Dispatch::new(NoSubscriber::default()));
        }
        rebuild_interest_cache();
    });
}
