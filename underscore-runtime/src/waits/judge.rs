//! Finds the awaits that are stuck: the greatest set in which each waits for one that is stuck.

use std::time::Duration;

use super::graph::{Graph, Leaf, ResourceWaits};
use super::path::verdict;
use crate::clock::Instant;
use crate::guards::Access;

/// Time without a poll after which a waiter for a permit, or for anything that is known by its name
/// only, is judged. An unknown holder may have released it, and the wake-up may not have arrived.
const LEAST_WAIT: Duration = Duration::from_secs(1);

/// The same for pools, which may open a connection meanwhile.
const LEAST_WAIT_FOR_POOL: Duration = Duration::from_secs(3);

/// Maximum number of rounds. Each takes back what the previous one freed, so a chain of waiters
/// takes as many rounds as it is long. Nothing is judged if it is longer.
const MAX_ROUNDS: usize = 10_000;

/// What the holders of a resource mean for its waiters.
#[derive(Clone, Copy, Debug, Default)]
struct Hold {
    /// All known holders are stuck.
    all_are_stuck: bool,
    /// The holder that excludes all others is stuck.
    is_exclusively: bool,
    /// When the first of the stuck holders that share it took it.
    shared_since: Option<Instant>,
    /// A task waits to have it exclusively, so that later readers wait behind it.
    has_exclusive_waiter: bool,
}

impl Graph {
    pub(super) fn judge(&mut self) {
        self.drop_stale_holders();
        for leaf in 0..self.leaves.len() {
            let may_be_stuck = self.leaf(leaf).is_some_and(|leaf| self.may_be_stuck(leaf));
            self.set_stuck(leaf, may_be_stuck);
        }
        let mut rounds = 0_usize;
        loop {
            let holds: Vec<Hold> = self
                .resources
                .iter()
                .map(|resource| self.hold(resource))
                .collect();
            let freed: Vec<usize> = (0..self.leaves.len())
                .filter(|leaf| {
                    let leaf = self.leaf(*leaf);
                    leaf.is_some_and(|leaf| leaf.is_stuck && !self.stays_stuck(leaf, &holds))
                })
                .collect();
            if freed.is_empty() {
                break;
            }
            for leaf in freed {
                self.set_stuck(leaf, false);
            }
            rounds = rounds.saturating_add(1);
            if rounds == MAX_ROUNDS {
                (0..self.leaves.len()).for_each(|leaf| self.set_stuck(leaf, false));
                break;
            }
        }
        self.mark_holders();
        let verdicts: Vec<_> = self
            .resources
            .iter()
            .map(|resource| verdict(self, resource))
            .collect();
        for (resource, verdict) in self.resources.iter_mut().zip(verdicts) {
            resource.verdict = verdict;
        }
    }

    fn set_stuck(&mut self, leaf: usize, is_stuck: bool) {
        if let Some(leaf) = self.leaves.get_mut(leaf) {
            leaf.is_stuck = is_stuck;
        }
    }

    /// If two tasks seem to hold what only one can, one was read before its poll and the other
    /// after it.
    fn drop_stale_holders(&mut self) {
        for resource in &mut self.resources {
            let mut holders = resource.holders.iter();
            let is_exclusive = holders.any(|holder| holder.access == Access::Exclusive);
            let has_still = resource.holders.iter().any(|holder| holder.is_still);
            if resource.lock.is_some() && resource.holders.len() > 1 && is_exclusive && has_still {
                resource.holders.retain(|holder| holder.is_still);
            }
        }
    }

    fn may_be_stuck(&self, leaf: &Leaf) -> bool {
        if leaf.around.may_go_on {
            return false;
        }
        let Some(want) = leaf.wants else {
            // The child that it waits for may have ended.
            return !leaf.children.is_empty() && self.has_waited(leaf, LEAST_WAIT);
        };
        let Some(resource) = self.resources.get(want.resource) else {
            return false;
        };
        if !want.is_direct || resource.holders.is_empty() {
            return false;
        }
        let least = if resource.kind.is_pool {
            LEAST_WAIT_FOR_POOL
        } else {
            LEAST_WAIT
        };
        resource.is_exact(want) || self.has_waited(leaf, least)
    }

    /// True if it was not polled for so long that it is not about to be polled.
    fn has_waited(&self, leaf: &Leaf, least: Duration) -> bool {
        let time = leaf.since.map(|since| self.now.since(since));
        !leaf.may_be_woken && time.is_some_and(|time| time >= least)
    }

    fn hold(&self, resource: &ResourceWaits) -> Hold {
        let is_stuck = |carriers: &[usize]| self.are_stuck(carriers);
        let mut hold = Hold {
            all_are_stuck: !resource.holders.is_empty(),
            ..Hold::default()
        };
        for holder in &resource.holders {
            if !is_stuck(&holder.carriers) {
                hold.all_are_stuck = false;
                continue;
            }
            match holder.access {
                Access::Exclusive => hold.is_exclusively = true,
                Access::Shared => {
                    let first = [hold.shared_since, holder.since];
                    hold.shared_since = first.into_iter().flatten().min();
                }
                Access::Counted => {}
            }
        }
        // A guard that is listed twice is not understood.
        let exclusive = resource.holders.iter();
        let exclusive = exclusive.filter(|holder| holder.access == Access::Exclusive);
        hold.is_exclusively &= exclusive.count() == 1;
        hold.has_exclusive_waiter = resource.waiters.iter().any(|waiter| {
            let leaf = self.leaf(waiter.leaf).filter(|leaf| !leaf.around.may_go_on);
            let want = leaf.and_then(|leaf| leaf.wants);
            want.is_some_and(|want| want.is_direct && want.access == Access::Exclusive)
        });
        hold
    }

    /// True if what it waits for is held by those who are stuck.
    fn stays_stuck(&self, leaf: &Leaf, holds: &[Hold]) -> bool {
        let Some(want) = leaf.wants else {
            return self.are_stuck(&leaf.children);
        };
        let (Some(resource), Some(hold)) =
            (self.resources.get(want.resource), holds.get(want.resource))
        else {
            return false;
        };
        if !resource.is_exact(want) {
            return hold.all_are_stuck;
        }
        if hold.is_exclusively {
            return true;
        }
        let Some(held_since) = hold.shared_since else {
            return false;
        };
        match want.access {
            // A reader beside readers waits behind a writer. It was not let in by the same release
            // as the holder if it was polled since.
            Access::Shared => {
                hold.has_exclusive_waiter && leaf.since.is_some_and(|polled| held_since < polled)
            }
            Access::Exclusive | Access::Counted => true,
        }
    }

    fn mark_holders(&mut self) {
        let stuck: Vec<Vec<bool>> = self
            .resources
            .iter()
            .map(|resource| {
                let holders = resource.holders.iter();
                holders
                    .map(|holder| self.are_stuck(&holder.carriers))
                    .collect()
            })
            .collect();
        for (resource, stuck) in self.resources.iter_mut().zip(stuck) {
            for (holder, is_stuck) in resource.holders.iter_mut().zip(stuck) {
                holder.is_stuck = is_stuck;
            }
        }
    }
}
