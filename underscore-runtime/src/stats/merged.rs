//! The counts that the shards of a route have moved to one place, under one lock.

use super::end_totals::EndTotals;
use super::second::Second;
use super::window::Window;

/// The counts that no shard holds any more.
#[derive(Debug)]
pub(super) struct Merged {
    /// The last minutes.
    pub(super) window: Window,
    /// All ends since the start.
    pub(super) ends: EndTotals,
}

impl Merged {
    pub(super) fn new() -> Self {
        Merged {
            window: Window::new(),
            ends: EndTotals::new(),
        }
    }

    /// Adds the counts of one shard.
    pub(super) fn add(&mut self, counted: &Second) {
        self.window.add(counted);
        self.ends.add(counted);
    }

    /// The most bytes that it allocates.
    #[cfg(test)]
    pub(super) fn max_memory() -> usize {
        Window::new().memory() + EndTotals::max_memory()
    }
}
