//! What happened on a route, counted: the ends of its tasks by outcome and status class, and the time
//! its answers took over the last minutes. Who counts, and under which lock, is `task::ledger`'s.

mod counts;
mod window;

pub(crate) use counts::{Counts, Outcome, StatusClass};
pub(crate) use window::{Average, Second, Window};

use std::time::Duration;

/// A route's numbers at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StatsSnapshot {
    /// Tasks that live now.
    pub(crate) active: u64,
    /// The ends of those that do not.
    pub(crate) ended: Counts,
    /// The average time to an answer over the last 1, 5 and 15 minutes.
    pub(crate) averages: [Average; 3],
}

impl StatsSnapshot {
    /// The windows that averages are taken over.
    pub(crate) const WINDOWS: [Duration; 3] = [
        Duration::from_secs(60),
        Duration::from_secs(5 * 60),
        Duration::from_secs(15 * 60),
    ];

    /// All tasks there ever were.
    pub(crate) fn total(&self) -> u64 {
        self.active + self.ended.total()
    }
}
