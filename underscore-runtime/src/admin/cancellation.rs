//! Cancellation of a read: after its client has left, or after its deadline.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::sync::Arc;

/// Every 16th check reads the clock.
const READ_CLOCK_EVERY: u32 = 16;

/// Checked at every row, every batch of sorted rows, and every few kilobytes of output.
#[derive(Clone, Debug, Default)]
pub(super) struct Cancellation(Arc<CancellationState>);

#[derive(Debug, Default)]
struct CancellationState {
    client_left: Arc<AtomicBool>,
    deadline: OnceLock<Instant>,
    /// Number of checks. Only the thread of the read makes them.
    checks: AtomicU32,
    is_past_deadline: AtomicBool,
}

/// Held while the client waits for the answer.
#[derive(Debug)]
pub(super) struct ClientPresence(Cancellation);

impl Cancellation {
    /// The client is present until the guard is dropped.
    pub(super) fn client_presence(&self) -> ClientPresence {
        ClientPresence(self.clone())
    }

    /// The cancellation of another read for the same client, with a deadline of its own.
    pub(super) fn for_another_read(&self) -> Self {
        Cancellation(Arc::new(CancellationState {
            client_left: Arc::clone(&self.0.client_left),
            ..CancellationState::default()
        }))
    }

    /// Sets the deadline. Only the first call has an effect.
    pub(super) fn start(&self, limit: Duration) {
        if let Some(deadline) = Instant::now().checked_add(limit) {
            let _ = self.0.deadline.set(deadline);
        }
    }

    /// True if the read is to end. What it has read so far is not sent.
    pub(super) fn is_requested(&self) -> bool {
        // Relaxed throughout: no other memory is published by these.
        let state = &*self.0;
        if state.client_left.load(Ordering::Relaxed) || self.is_past_deadline() {
            return true;
        }
        let checks = state.checks.load(Ordering::Relaxed);
        state
            .checks
            .store(checks.wrapping_add(1), Ordering::Relaxed);
        let reads_clock = checks.is_multiple_of(READ_CLOCK_EVERY);
        let has_passed = |deadline: &Instant| Instant::now() >= *deadline;
        if reads_clock && state.deadline.get().is_some_and(has_passed) {
            state.is_past_deadline.store(true, Ordering::Relaxed);
            return true;
        }
        false
    }

    /// True if a check found that the deadline has passed.
    pub(super) fn is_past_deadline(&self) -> bool {
        self.0.is_past_deadline.load(Ordering::Relaxed)
    }
}

impl Drop for ClientPresence {
    fn drop(&mut self) {
        self.0.0.client_left.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
impl Cancellation {
    /// The cancellation of a read whose client has left.
    pub(super) fn for_client_that_left() -> Self {
        let cancellation = Cancellation::default();
        drop(cancellation.client_presence());
        cancellation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_leaves_ends_the_read_before_its_deadline() {
        let cancellation = Cancellation::default();
        let client = cancellation.client_presence();
        cancellation.start(Duration::from_secs(3600));
        assert!((0..100).all(|_| !cancellation.is_requested()));
        drop(client);
        assert!(cancellation.is_requested() && !cancellation.is_past_deadline());
    }

    #[test]
    fn reads_for_one_client_end_together_and_have_their_own_deadlines() {
        let first = Cancellation::default();
        let client = first.client_presence();
        let second = first.for_another_read();
        first.start(Duration::ZERO);
        second.start(Duration::from_secs(3600));
        assert!((0..READ_CLOCK_EVERY).any(|_| first.is_requested()));
        assert!((0..READ_CLOCK_EVERY).all(|_| !second.is_requested()));
        drop(client);
        assert!(second.is_requested() && !second.is_past_deadline());
    }

    #[test]
    fn a_read_ends_within_a_few_checks_after_its_deadline() {
        let cancellation = Cancellation::default();
        let _client = cancellation.client_presence();
        assert!(!cancellation.is_requested(), "it has not started");
        cancellation.start(Duration::ZERO);
        assert!((0..READ_CLOCK_EVERY).any(|_| cancellation.is_requested()));
        assert!(cancellation.is_past_deadline() && cancellation.is_requested());
    }
}
