//! Ends a task exactly once, in the drop of its guard.

use axum::http::StatusCode;

use crate::clock::Instant;
use crate::ended;
use crate::panics;
use crate::stats::Outcome;
use crate::task::{Slot, SlotRef, TaskState};

/// A task that has begun; dropping the guard ends it.
///
/// An outcome set before the drop is used. Otherwise the task panicked if its last poll did not
/// end, and its client disconnected if it did.
#[derive(Debug)]
pub(crate) struct Guard {
    // No other field: this moves with the future.
    task: SlotRef,
}

impl Guard {
    /// The guard of a task that has begun.
    #[inline]
    pub(crate) fn new(task: &'static Slot) -> Self {
        Guard {
            task: SlotRef::new(task),
        }
    }

    /// Returns the task without ending it. The caller creates another guard.
    pub(crate) fn into_task(self) -> &'static Slot {
        let task = self.task();
        std::mem::forget(self);
        task
    }

    #[inline]
    pub(crate) fn task(&self) -> &'static Slot {
        self.task.get()
    }

    /// Continues the task in the body of the handler's response. The response time ends now,
    /// because the time a client takes to read is not the handler's.
    pub(crate) fn begin_streaming(&self, status: StatusCode) {
        self.task().set_status(status);
        self.task().begin_streaming(Instant::now());
    }

    /// The outcome of an interrupt.
    pub(crate) fn interrupt_outcome(&self) -> Outcome {
        let interrupt = self.task().pending_interrupt();
        interrupt.map_or(Outcome::Interrupted, |interrupt| interrupt.outcome)
    }

    /// Runs the host's code between two polls. If it panics, the task's outcome is `Panicked`.
    #[inline]
    pub(crate) fn run<T>(&self, code: impl FnOnce() -> T) -> T {
        self.task().set_outcome(Outcome::Panicked);
        let done = code();
        self.task().clear_outcome();
        done
    }

    /// Ends the task with `outcome`.
    #[inline]
    pub(crate) fn end(self, outcome: Outcome) {
        self.task().set_outcome(outcome);
    }

    /// Ends the task with `outcome` and the response's `status`.
    #[inline]
    pub(crate) fn end_with(self, outcome: Outcome, status: StatusCode) {
        self.task().set_status(status);
        self.end(outcome);
    }

    /// Ends the task of a handler whose response has `status`.
    #[inline]
    pub(crate) fn complete(self, status: StatusCode) {
        if status.as_u16() < 500 && self.task().is_plain() {
            // Equivalent to the drop, without the checks for rare properties.
            self.into_task().complete(status);
        } else {
            self.end_with(Outcome::Completed, status);
        }
    }
}

impl Drop for Guard {
    #[inline]
    fn drop(&mut self) {
        end(self.task());
    }
}

/// Ends the task of a guard. Not inlined: most requests [complete](Guard::complete).
#[inline(never)]
fn end(task: &'static Slot) {
    let status = task.status();
    let (outcome, status) = match task.outcome() {
        // A response to an incomplete request: its client has disconnected.
        Some(Outcome::Completed) if task.has_client_left() => (Outcome::Disconnected, None),
        Some(outcome) => (outcome, status),
        None if task.state() == TaskState::Running => (Outcome::Panicked, status),
        None => (Outcome::Disconnected, status),
    };
    // The time that a client takes to read is not the handler's.
    let at = task.streaming_since().unwrap_or_else(Instant::now);
    let answered = (outcome == Outcome::Completed).then(|| (task.started(), at));
    if outcome == Outcome::Panicked {
        panics::report(task);
    }
    if ended::is_remarkable(task, outcome, status, answered) {
        ended::record(task, outcome, answered);
    }
    task.end(outcome, status, at);
}
