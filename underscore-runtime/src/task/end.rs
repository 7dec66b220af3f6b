//! How a task ended: written down once, by whoever drops its guard, and read by those who waited for it.

use super::Task;
use crate::stats::Outcome;
use crate::sync::atomic::Ordering;

impl Task {
    /// Notes how the task ended, once it has left its ledger, and tells who waits for that.
    #[inline]
    pub(crate) fn ended(&self, outcome: Outcome) {
        // Release: whoever sees the outcome sees what the poller noted before it, its status for one, and
        // the task gone from its ledger.
        self.outcome.store(outcome.ordinal(), Ordering::Release);
        // Last, for those who are told of the end go and read the outcome.
        self.signal.close();
    }

    /// How it ended; nothing while it lives.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        // Acquire: pairs with `ended`.
        let place = self.outcome.load(Ordering::Acquire).checked_sub(1)?;
        Outcome::ALL.get(usize::from(place)).copied()
    }
}
