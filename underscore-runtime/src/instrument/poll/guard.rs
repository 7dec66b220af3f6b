//! The end of a task, decided once: in the drop of its guard.

use axum::http::StatusCode;

use crate::clock::Instant;
use crate::stats::{Outcome, StatusClass};
use crate::task::{Slot, SlotRef, TaskState};

/// A task that was begun; dropping this ends it.
///
/// What was set before the drop decides the outcome. If nothing was, the future was dropped because
/// its client left, or the task panicked if a poll never ended.
#[derive(Debug)]
pub(crate) struct Guard {
    // Nothing else: this moves with the future.
    task: SlotRef,
}

impl Guard {
    /// The guard of a task that was begun.
    #[inline]
    pub(crate) fn new(task: &'static Slot) -> Self {
        Guard {
            task: SlotRef::new(task),
        }
    }

    /// The task, for which there will be another guard.
    pub(crate) fn into_task(self) -> &'static Slot {
        let task = self.task();
        std::mem::forget(self);
        task
    }

    #[inline]
    pub(crate) fn task(&self) -> &'static Slot {
        self.task.get()
    }

    /// The handler has given its response, and the task lives on in the response's body. Its
    /// response time is the time until now: how long a client reads says nothing about the handler.
    pub(crate) fn begin_streaming(&self, status: StatusCode) {
        self.task().set_status(status);
        self.task().begin_streaming(Instant::now());
    }

    /// How the task ends if it is interrupted.
    pub(crate) fn interrupt_outcome(&self) -> Outcome {
        let interrupt = self.task().pending_interrupt();
        interrupt.map_or(Outcome::Interrupted, |interrupt| interrupt.outcome)
    }

    /// Runs code of the host's between two polls. If it panics, that is how the task ends.
    #[inline]
    pub(crate) fn run<T>(&self, code: impl FnOnce() -> T) -> T {
        self.task().set_outcome(Outcome::Panicked);
        let done = code();
        self.task().clear_outcome();
        done
    }

    /// Ends the task in this way.
    #[inline]
    pub(crate) fn end(self, outcome: Outcome) {
        self.task().set_outcome(outcome);
    }

    /// Ends the task in this way, answered with `status`.
    #[inline]
    pub(crate) fn end_with(self, outcome: Outcome, status: StatusCode) {
        self.task().set_status(status);
        self.end(outcome);
    }

    /// Ends the task, whose handler gave a response with `status`.
    #[inline]
    pub(crate) fn complete(self, status: StatusCode) {
        if self.task().is_plain() {
            // What the drop would do, without looking at what nearly no task has.
            self.into_task().complete(StatusClass::from_status(status));
        } else {
            self.end_with(Outcome::Completed, status);
        }
    }
}

impl Drop for Guard {
    #[inline]
    fn drop(&mut self) {
        let task = self.task();
        let status = task.status().and_then(StatusClass::from_status);
        let (outcome, status) = match task.outcome() {
            // What the handler made of half a request is an answer to nobody.
            Some(Outcome::Completed) if task.has_client_left() => (Outcome::Disconnected, None),
            Some(outcome) => (outcome, status),
            None if task.state() == TaskState::Running => (Outcome::Panicked, status),
            None => (Outcome::Disconnected, status),
        };
        let answered = (outcome == Outcome::Completed).then(|| {
            let at = task.streaming_since().unwrap_or_else(Instant::now);
            (task.started(), at)
        });
        task.end(outcome, status, answered);
    }
}
