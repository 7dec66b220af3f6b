//! Who waits for what, who holds it, and whether that can end: the wait-for graph of all tasks at
//! one moment.
//!
//! A task that waits for a lock is stuck if a known holder of that lock is stuck; one that waits
//! for a permit or a connection, if all known holders are. The greatest set of tasks for which that
//! holds is in a deadlock, or behind one. Each doubt counts against it: a deadlock that is not
//! there would make an operator interrupt healthy requests.

mod build;
mod graph;
mod judge;
mod knots;
mod look;
mod passage;
mod path;
#[cfg(test)]
mod tests;
mod verdict;

pub(crate) use graph::{Holder, HolderState, ResourceWaits, Waiter};
pub(crate) use knots::{Knot, knots};
#[cfg(test)]
pub(crate) use verdict::Deadlock;
pub(crate) use verdict::{Cycle, Shape, Verdict};

use crate::clock::Instant;
use graph::Graph;
use look::Scope;

/// The resources that tasks wait for: deadlocks first, then those with the most waiters. Empty if
/// `is_cancelled` becomes true.
pub(crate) fn resources(is_cancelled: &dyn Fn() -> bool) -> Vec<ResourceWaits> {
    let now = Instant::now();
    let looks = look::look(Scope::All, is_cancelled);
    Graph::new(&looks, now).into_resources()
}
