//! Interrupts a task that exceeds its timeout.

use std::sync::Arc;
use std::time::Duration;

use super::guard::Guard;
use crate::clock::Instant;
use crate::task::Interrupt;

/// Interrupts the task of `guard` once `timeout` has passed since `started`, whatever it does then.
pub(crate) fn expire_after(timeout: Duration, started: Instant, guard: &Guard) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return;
    };
    let (task, id) = (guard.task(), guard.task().id());
    let left = timeout.saturating_sub(Instant::now().since(started));
    let timer = runtime.spawn(async move {
        tokio::time::sleep(left).await;
        task.interrupt(id, Interrupt::expired(timeout), &Arc::default());
    });
    guard.task().set_timer(timer.abort_handle());
}
