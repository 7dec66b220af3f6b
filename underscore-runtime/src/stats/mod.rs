//! What happened on a route, counted: the ends of its tasks by outcome and status class, how many began in
//! the last minutes, and the times that answers took. Who counts, and under which lock, is `task::ledger`'s.

mod bits;
mod blocks;
mod bucket;
mod counts;
mod histogram;
mod history;
mod ring;
mod second;
#[cfg(test)]
mod tests;
mod window;

pub(crate) use counts::{Counts, Outcome, StatusClass};
pub(crate) use second::Second;
pub(crate) use window::{Measure, Recent, WINDOWS, Window};

/// A route's counts at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StatsSnapshot {
    /// Tasks that live now.
    pub(crate) active: u64,
    /// The ends of those that do not.
    pub(crate) ended: Counts,
}

impl StatsSnapshot {
    /// All tasks there ever were.
    pub(crate) fn total(&self) -> u64 {
        self.active.saturating_add(self.ended.total())
    }
}
