//! The end of a task, decided once: in the drop of the guard that entered it.

use std::sync::Arc;

use axum::http::StatusCode;

use crate::clock::Instant;
use crate::route::Route;
use crate::stats::{Outcome, StatusClass};
use crate::task::{RequestInfo, State, Task};

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
    /// Enters a task of `route`.
    #[inline]
    pub(super) fn enter(route: &'static Route, request: RequestInfo) -> Self {
        let task = Arc::new(Task::new(route, request));
        let place = task.route.ledger.enter(Arc::clone(&task));
        task.own.set_place(place);
        Guard { task }
    }

    #[inline]
    pub(super) fn task(&self) -> &Task {
        &self.task
    }

    /// Ends the task, which was answered with `status` for the reason that `outcome` says.
    #[inline]
    pub(super) fn end(self, outcome: Outcome, status: StatusCode) {
        self.task.own.say(outcome, status);
    }
}

impl Drop for Guard {
    #[inline]
    fn drop(&mut self) {
        let task = &self.task;
        let (outcome, status) = match task.own.said() {
            // What the handler made of half a request is an answer to nobody.
            Some((Outcome::Completed, _)) if task.is_left_by_client() => {
                (Outcome::Disconnected, None)
            }
            Some((outcome, status)) => (outcome, StatusClass::of(status)),
            None if task.state() == State::Running => (Outcome::Panicked, None),
            None => (Outcome::Disconnected, None),
        };
        let answered = (outcome == Outcome::Completed).then(|| (task.started, Instant::now()));
        let ledger = &task.route.ledger;
        ledger.strike_off(task.own.place(), outcome, status, answered);
        task.ended(outcome);
    }
}
