//! Interrupts: why a task is to end, how it ended, and the wait for it. How an interrupt reaches the
//! task is in `cancel`.

use std::time::Duration;

use axum::http::StatusCode;

use crate::stats::Outcome;
use crate::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use crate::sync::{Arc, Notify, Weak, contained};
use crate::units;

/// Why a task is to end.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt {
    /// In words, for the client and the log.
    pub(crate) reason: Arc<str>,
    /// How the task ends by it: interrupted by an operator, or because its time was up.
    pub(crate) outcome: Outcome,
    /// What the client of a request gets that has no answer yet, if that was set.
    pub(crate) status: Option<StatusCode>,
}

/// The interrupts of one task.
#[derive(Debug)]
pub(super) struct Interrupts {
    /// The one that stands.
    pub(super) first: Interrupt,
    pub(super) ending: Arc<Ending>,
    /// Those who wait for the end of the task, until they give up.
    pub(super) waiting: Vec<Weak<WaitGroup>>,
}

/// How an interrupted task ended.
#[derive(Debug, Default)]
pub(crate) struct Ending(AtomicU8);

/// Counts tasks down to the last one that ends.
#[derive(Debug, Default)]
pub(crate) struct WaitGroup {
    left: AtomicUsize,
    all_done: Notify,
}

impl Interrupt {
    /// What clients read where the operator gave no reason.
    pub(crate) const DEFAULT_REASON: &str = "interrupted by an operator";

    /// By an operator.
    pub(crate) fn by_operator(reason: &str) -> Self {
        Interrupt {
            reason: reason.into(),
            outcome: Outcome::Interrupted,
            status: None,
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

    /// Tells all that wait that the task is gone.
    pub(super) fn done(self) {
        for group in self.waiting.iter().filter_map(Weak::upgrade) {
            contained(|| group.done());
        }
    }
}

impl Ending {
    /// How the task ended, if it had seen the interrupt by then.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        // Relaxed: asked when the task is seen to be gone, which came after this was set.
        let index = self.0.load(Ordering::Relaxed).checked_sub(1)?;
        Outcome::ALL.get(usize::from(index)).copied()
    }

    pub(super) fn set(&self, outcome: Outcome) {
        self.0.store(outcome.ordinal(), Ordering::Relaxed);
    }
}

impl WaitGroup {
    pub(super) fn add(&self) {
        // Relaxed: counted up under the task's lock, which the matching `done` follows.
        self.left.fetch_add(1, Ordering::Relaxed);
    }

    fn done(&self) {
        // Release: pairs with `wait`. Each step down hands on the ones before it, so who sees zero
        // sees the end of every task. Not Acquire: the last one reads nothing of the others.
        if self.left.fetch_sub(1, Ordering::Release) == 1 {
            self.all_done.notify_one();
        }
    }

    /// Waits until every counted task has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing: it may be called again.
    pub(crate) async fn wait(&self) {
        // One waiter only, so a permit left by `notify_one` before it waits is not lost; the permit
        // may be from a moment when the count was zero for a while, hence the loop.
        //
        // Acquire: pairs with `done`.
        while self.left.load(Ordering::Acquire) > 0 {
            self.all_done.notified().await;
        }
    }
}
