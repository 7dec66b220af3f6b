//! Cancellation of a look: once its client has left, or after its deadline.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::sync::Arc;

/// Every 16th check reads the clock.
const READ_CLOCK_EVERY: u32 = 16;

/// Checked at every row, every batch of sorted rows, and every few kilobytes of output.
#[derive(Clone, Debug, Default)]
pub(in crate::admin) struct Watch(Arc<State>);

#[derive(Debug, Default)]
struct State {
    client_left: AtomicBool,
    deadline: OnceLock<Instant>,
    /// The number of checks. Only the thread of the look makes them.
    checks: AtomicU32,
    is_cut_short: AtomicBool,
}

/// Held while the client waits for the answer.
#[derive(Debug)]
pub(in crate::admin) struct ClientPresence(Watch);

impl Watch {
    /// The client is present until the guard is dropped.
    pub(in crate::admin) fn client(&self) -> ClientPresence {
        ClientPresence(self.clone())
    }

    /// Sets the deadline. Only the first call has an effect.
    pub(super) fn begin(&self, limit: Duration) {
        if let Some(deadline) = Instant::now().checked_add(limit) {
            let _ = self.0.deadline.set(deadline);
        }
    }

    /// False once the look is to end; what it has by then is not sent.
    pub(in crate::admin) fn goes_on(&self) -> bool {
        // Relaxed throughout: no other memory is published by these.
        let state = &*self.0;
        if state.client_left.load(Ordering::Relaxed) || self.is_cut_short() {
            return false;
        }
        let checks = state.checks.load(Ordering::Relaxed);
        state
            .checks
            .store(checks.wrapping_add(1), Ordering::Relaxed);
        let reads_clock = checks.is_multiple_of(READ_CLOCK_EVERY);
        let is_over = |deadline: &Instant| Instant::now() >= *deadline;
        if reads_clock && state.deadline.get().is_some_and(is_over) {
            state.is_cut_short.store(true, Ordering::Relaxed);
            return false;
        }
        true
    }

    /// True if a check failed because of the deadline.
    pub(super) fn is_cut_short(&self) -> bool {
        self.0.is_cut_short.load(Ordering::Relaxed)
    }
}

impl Drop for ClientPresence {
    fn drop(&mut self) {
        self.0.0.client_left.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
impl Watch {
    /// The watch of a look whose client has left.
    pub(in crate::admin) fn of_client_that_left() -> Self {
        let watch = Watch::default();
        drop(watch.client());
        watch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_when_the_client_leaves_and_is_not_cut_short() {
        let watch = Watch::default();
        let client = watch.client();
        watch.begin(Duration::from_secs(3600));
        assert!((0..100).all(|_| watch.goes_on()));
        drop(client);
        assert!(!watch.goes_on() && !watch.is_cut_short());
    }

    #[test]
    fn it_ends_within_a_few_questions_when_its_time_is_over() {
        let watch = Watch::default();
        let _client = watch.client();
        assert!(watch.goes_on(), "it has not begun");
        watch.begin(Duration::ZERO);
        assert!((0..READ_CLOCK_EVERY).any(|_| !watch.goes_on()));
        assert!(watch.is_cut_short() && !watch.goes_on());
    }
}
