//! Interrupts a task that exceeds its timeout.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Instant;
use crate::task::{Interrupt, Slot};

/// Interrupts `task` once `timeout` has passed since `started`, whatever it does then. Called by
/// the thread that polls the task.
pub(crate) fn expire_after(timeout: Duration, started: Instant, task: &'static Slot) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return;
    };
    let id = task.id();
    let left = timeout.saturating_sub(Instant::now().since(started));
    let timer = runtime.spawn(async move {
        tokio::time::sleep(left).await;
        task.interrupt(id, Interrupt::expired(timeout), &Arc::default());
    });
    task.set_timer(timer.abort_handle());
}
