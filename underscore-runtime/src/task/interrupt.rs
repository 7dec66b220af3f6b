//! Interrupts: the reason, the outcome and the wait for it. The delivery to the task is in
//! `cancel`.

use std::time::Duration;

use axum::http::StatusCode;

use crate::stats::Outcome;
use crate::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use crate::sync::{Arc, Notify, Weak, contained};
use crate::units;

/// A request to end a task, and its reason.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt {
    /// Shown to the client and in the log.
    pub(crate) reason: Arc<str>,
    /// The outcome of a task that ends by it: interrupted by an operator, or expired.
    pub(crate) outcome: Outcome,
    /// The status of the response if the handler has not returned one; `None` for the default.
    pub(crate) status: Option<StatusCode>,
    /// The operator, as in `curl, uid 0, pid 7`, if known.
    pub(crate) by: Option<Arc<str>>,
}

/// The interrupts of one task.
#[derive(Debug)]
pub(super) struct Interrupts {
    /// The first interrupt, by which the task ends.
    pub(super) first: Interrupt,
    pub(super) ending: Arc<Ending>,
    /// The operators that wait for the end of the task; dead once they give up.
    pub(super) waiting: Vec<Weak<WaitGroup>>,
}

/// The outcome of an interrupted task.
#[derive(Debug, Default)]
pub(crate) struct Ending(AtomicU8);

/// Counts interrupted tasks until the last of them has ended.
#[derive(Debug, Default)]
pub(crate) struct WaitGroup {
    left: AtomicUsize,
    all_done: Notify,
}

impl Interrupt {
    /// The reason that clients get if the operator gave none.
    pub(crate) const DEFAULT_REASON: &str = "interrupted by an operator";

    /// By an operator.
    pub(crate) fn by_operator(reason: &str) -> Self {
        Interrupt {
            reason: reason.into(),
            outcome: Outcome::Interrupted,
            status: None,
            by: None,
        }
    }

    /// By a route's timeout.
    pub(crate) fn expired(timeout: Duration) -> Self {
        let timeout = units::human(timeout);
        let reason = format!("not done within the route's timeout of {timeout}");
        Interrupt {
            reason: reason.as_str().into(),
            outcome: Outcome::Expired,
            status: None,
            by: None,
        }
    }
}

impl Interrupts {
    pub(super) fn new(first: Interrupt) -> Self {
        Interrupts {
            first,
            ending: Arc::default(),
            waiting: Vec::new(),
        }
    }

    /// Counts the task as ended for all operators that wait.
    pub(super) fn done(self) {
        for group in self.waiting.iter().filter_map(Weak::upgrade) {
            contained(|| group.done());
        }
    }
}

impl Ending {
    /// The outcome, `None` if the task ended before it saw the interrupt.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        // Relaxed: read after the end of the task is observed, which follows the store.
        let index = self.0.load(Ordering::Relaxed).checked_sub(1)?;
        Outcome::ALL.get(usize::from(index)).copied()
    }

    pub(super) fn set(&self, outcome: Outcome) {
        self.0.store(outcome.ordinal(), Ordering::Relaxed);
    }
}

impl WaitGroup {
    pub(super) fn add(&self) {
        // Relaxed: incremented under the task's lock, which orders it before the matching `done`.
        self.left.fetch_add(1, Ordering::Relaxed);
    }

    fn done(&self) {
        // Release: pairs with `wait`. The decrements form a release sequence, so a reader of zero
        // sees the end of every task. Not Acquire: the last task reads no data of the others.
        if self.left.fetch_sub(1, Ordering::Release) == 1 {
            self.all_done.notify_one();
        }
    }

    /// Waits until every counted task has ended.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it can be called again.
    pub(crate) async fn wait(&self) {
        // There is one waiter, so `notify_one` before the wait stores a permit. The permit may stem
        // from an earlier moment at zero, hence the loop.
        //
        // Acquire: pairs with `done`.
        while self.left.load(Ordering::Acquire) > 0 {
            self.all_done.notified().await;
        }
    }
}
