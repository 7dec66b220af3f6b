//! The path through the graph that shows why a wait does not end.

use std::collections::HashSet;

use super::graph::{Graph, ResourceWaits};
use super::verdict::{Cycle, Deadlock, Shape, Verdict};
use crate::task::TaskId;

/// The verdict on a resource, once the stuck awaits are known.
pub(super) fn verdict(graph: &Graph, resource: &ResourceWaits) -> Verdict {
    if resource.holders.is_empty() {
        return Verdict::Unknown;
    }
    let is_stuck = |leaf: usize| graph.leaf(leaf).is_some_and(|leaf| leaf.is_stuck);
    let mut waiters = resource.waiters.iter();
    let Some(first) = waiters.find(|waiter| is_stuck(waiter.leaf)) else {
        return Verdict::Busy;
    };
    let path = Path::find(graph, first.leaf);
    let waiting: HashSet<usize> = resource.waiters.iter().map(|waiter| waiter.leaf).collect();
    let waits = |leaf: &usize| waiting.contains(leaf);
    let mut holders = resource.holders.iter();
    let shape = if holders.all(|holder| holder.carriers.iter().any(waits)) {
        let mut tasks: Vec<TaskId> = resource.holders.iter().map(|holder| holder.task).collect();
        tasks.dedup();
        Shape::All(tasks)
    } else if path.contains(resource, graph) {
        Shape::Cycle(path.cycle)
    } else {
        Shape::Behind(path.cycle)
    };
    Verdict::Deadlock(Deadlock {
        is_certain: path.is_certain,
        has_timeout: path.has_timeout,
        shape,
    })
}

/// The path from a waiter to a holder, to what that waits for, and so on, until it repeats.
struct Path {
    cycle: Cycle,
    /// The numbers of the resources in the cycle.
    resources: Vec<usize>,
    is_certain: bool,
    has_timeout: bool,
}

impl Path {
    fn find(graph: &Graph, first: usize) -> Self {
        let mut steps: Vec<usize> = Vec::new();
        let mut next = Some(first);
        let mut begin = 0;
        while let Some(leaf) = next {
            if let Some(at) = steps.iter().position(|step| *step == leaf) {
                begin = at;
                break;
            }
            steps.push(leaf);
            next = next_of(graph, leaf);
        }
        let mut path = Path {
            cycle: Cycle(Vec::new()),
            resources: Vec::new(),
            is_certain: next.is_some(),
            has_timeout: false,
        };
        for (at, step) in steps.iter().enumerate() {
            let Some(leaf) = graph.leaf(*step) else {
                continue;
            };
            let want = leaf.wants;
            let resource = want.and_then(|want| graph.resources.get(want.resource));
            path.has_timeout |= leaf.around.has_timeout;
            path.is_certain &= leaf.around.is_certain
                && match (want, resource) {
                    (Some(want), Some(resource)) => resource.is_exact(want),
                    // The handle of one task among several of its parent.
                    _ => false,
                };
            if at >= begin {
                let name = resource.map(|resource| resource.name.clone());
                path.cycle.0.push((leaf.task, name));
                path.resources.extend(want.map(|want| want.resource));
            }
        }
        path.cycle.begin_with_oldest();
        path
    }

    fn contains(&self, resource: &ResourceWaits, graph: &Graph) -> bool {
        let is_it = |number: &usize| {
            let other = graph.resources.get(*number);
            other.is_some_and(|other| std::ptr::eq(other, resource))
        };
        self.resources.iter().any(is_it)
    }
}

/// A leaf that must complete before `leaf` does: of a holder, or of a child task.
fn next_of(graph: &Graph, leaf: usize) -> Option<usize> {
    let leaf = graph.leaf(leaf)?;
    let Some(want) = leaf.wants else {
        return leaf.children.first().copied();
    };
    let holders = &graph.resources.get(want.resource)?.holders;
    let mut stuck = holders
        .iter()
        .filter(|holder| graph.are_stuck(&holder.carriers));
    stuck.next()?.carriers.first().copied()
}
