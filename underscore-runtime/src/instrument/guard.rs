//! The end of a task, decided once: in the drop of the guard that entered it.

use axum::http::StatusCode;

use crate::clock::Instant;
use crate::stats::{Outcome, StatusClass};
use crate::sync::Arc;
use crate::task::{Kind, State, Task};

/// A task that is entered in its route's ledger; dropping this strikes it off.
///
/// What was said before the drop decides the outcome. Silence is an answer: whoever drops a task that
/// said nothing left, or the task panicked if a poll was never finished.
#[derive(Debug)]
pub(super) struct Guard {
    // Nothing else: this moves with the future, see `task::own`.
    task: Arc<Task>,
}

impl Guard {
    /// Enters a task.
    #[inline]
    pub(super) fn enter(kind: Kind) -> Self {
        let task = Arc::new(Task::new(kind));
        let place = task.ledger.enter(Arc::clone(&task));
        task.own.set_place(place);
        Guard { task }
    }

    /// The record, to keep a while.
    pub(super) fn arc(&self) -> &Arc<Task> {
        &self.task
    }

    /// The handler has given its answer, and the task lives on in the answer's body. The time that the
    /// answer took is the time until now: how long a client reads says nothing about the handler.
    pub(super) fn streams(&self, status: StatusCode) {
        self.task.own.answer(status);
        self.task.streams(Instant::now());
    }

    /// How the task ends that was told to.
    pub(super) fn ordered_outcome(&self) -> Outcome {
        let order = self.task.signal.order();
        order.map_or(Outcome::Interrupted, |order| order.outcome)
    }

    /// Runs code of the host's between two polls. If it panics, that is how the task ends.
    #[inline]
    pub(super) fn run<T>(&self, code: impl FnOnce() -> T) -> T {
        self.task.own.say(Outcome::Panicked);
        let done = code();
        self.task.own.take_back();
        done
    }

    #[inline]
    pub(super) fn task(&self) -> &Task {
        &self.task
    }

    /// Ends the task for the reason that `outcome` says.
    #[inline]
    pub(super) fn end(self, outcome: Outcome) {
        self.task.own.say(outcome);
    }

    /// Ends the task, which was answered with `status`.
    #[inline]
    pub(super) fn end_with(self, outcome: Outcome, status: StatusCode) {
        self.task.own.answer(status);
        self.end(outcome);
    }
}

impl Drop for Guard {
    #[inline]
    fn drop(&mut self) {
        let task = &self.task;
        let status = task.own.status().and_then(StatusClass::of);
        let (outcome, status) = match task.own.said() {
            // What the handler made of half a request is an answer to nobody.
            Some(Outcome::Completed) if task.is_left_by_client() => (Outcome::Disconnected, None),
            Some(outcome) => (outcome, status),
            None if task.state() == State::Running => (Outcome::Panicked, status),
            None => (Outcome::Disconnected, status),
        };
        let answered = (outcome == Outcome::Completed).then(|| {
            let at = task.streams_since().unwrap_or_else(Instant::now);
            (task.started, at)
        });
        task.stop_timer();
        task.ledger
            .strike_off(task.own.place(), outcome, status, answered);
        task.ended(outcome);
    }
}
