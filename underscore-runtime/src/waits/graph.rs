//! The graph: what each task waits for, by its innermost awaits, and what it holds.

use std::collections::HashMap;
use std::time::Duration;

use super::verdict::Verdict;
use crate::clock::Instant;
use crate::guards::{Access, ResourceType};
use crate::routes::Route;
use crate::stack::AwaitPoint;
use crate::task::TaskId;

/// A lock, semaphore or pool that tasks wait for.
#[derive(Debug)]
pub(crate) struct ResourceWaits {
    /// As the source calls it.
    pub(crate) name: String,
    pub(crate) kind: ResourceType,
    /// Its address, `None` if it is known by its name and type only.
    pub(crate) lock: Option<usize>,
    /// In the order of their tasks.
    pub(crate) waiters: Vec<Waiter>,
    pub(crate) holders: Vec<Holder>,
    /// The tasks that took it and moved the guard, and where they took it.
    pub(crate) passed_on: Vec<(TaskId, &'static AwaitPoint)>,
    /// If it has no known holder: holders of the same type whose resource is not known.
    pub(crate) alike: Vec<(TaskId, &'static AwaitPoint)>,
    pub(crate) verdict: Verdict,
}

/// An await of a resource.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) task: TaskId,
    pub(crate) route: Option<&'static Route>,
    pub(crate) point: &'static AwaitPoint,
    /// Time since the last poll of the task, if known.
    pub(crate) time: Option<Duration>,
    pub(super) leaf: usize,
}

/// A guard of a resource.
#[derive(Debug)]
pub(crate) struct Holder {
    pub(crate) task: TaskId,
    pub(crate) taken: &'static AwaitPoint,
    pub(crate) state: HolderState,
    /// True if it continues only after a task that is stuck.
    pub(crate) is_stuck: bool,
    pub(super) access: Access,
    pub(super) since: Option<Instant>,
    /// False if its task was polled during the look.
    pub(super) is_still: bool,
    /// The awaits that must complete before the body continues.
    pub(super) carriers: Vec<usize>,
}

/// The state of a holder.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HolderState {
    /// The body that holds it waits at this await, if that is known.
    Waiting(Option<&'static AwaitPoint>),
    Running,
    /// It keeps a thread inside one poll.
    BlocksThread,
}

/// An innermost await.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) task: TaskId,
    pub(super) wants: Option<Want>,
    /// The awaits of the tasks that it waits for.
    pub(super) children: Vec<usize>,
    pub(super) waits_for_children: bool,
    /// The end of the last poll of the task.
    pub(super) since: Option<Instant>,
    pub(super) around: Around,
    /// True if a worker of its runtime is blocked, so that a wake-up may be late.
    pub(super) may_be_woken: bool,
    pub(super) is_stuck: bool,
}

/// What an await inherits from those around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around {
    /// True if a timeout ends it.
    pub(super) has_timeout: bool,
    /// True if each await around it waits for all awaits inside of it.
    pub(super) is_certain: bool,
    /// True if it may complete by something that is not in the graph, or if its task was polled
    /// during the look.
    pub(super) may_go_on: bool,
}

/// What an innermost await waits for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Want {
    pub(super) resource: usize,
    pub(super) access: Access,
    /// True for a method of the lock or the pool itself. A function that gives a guard may wait for
    /// something else.
    pub(super) is_direct: bool,
}

/// What identifies a resource: never both, because the same lock would be two.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Address(usize),
    Name(String, ResourceType),
}

#[derive(Debug)]
pub(super) struct Graph {
    pub(super) leaves: Vec<Leaf>,
    pub(super) resources: Vec<ResourceWaits>,
    pub(super) by_key: HashMap<Key, usize>,
    pub(super) now: Instant,
}

impl Graph {
    pub(super) fn leaf(&self, leaf: usize) -> Option<&Leaf> {
        self.leaves.get(leaf)
    }

    /// True if all of these awaits are stuck, and there are some.
    pub(super) fn are_stuck(&self, leaves: &[usize]) -> bool {
        let is_stuck = |leaf: &usize| self.leaf(*leaf).is_some_and(|leaf| leaf.is_stuck);
        !leaves.is_empty() && leaves.iter().all(is_stuck)
    }

    /// The resources that tasks wait for, the worst first.
    pub(super) fn into_resources(self) -> Vec<ResourceWaits> {
        let mut resources = self.resources;
        let unknown: Vec<(ResourceType, TaskId, &'static AwaitPoint)> = resources
            .iter()
            .filter(|resource| resource.lock.is_none())
            .flat_map(|resource| {
                let kind = &resource.kind;
                let holders = resource.holders.iter();
                holders.map(move |holder| (kind.clone(), holder.task, holder.taken))
            })
            .collect();
        resources.retain(|resource| !resource.waiters.is_empty());
        for resource in &mut resources {
            if resource.holders.is_empty() {
                let alike = unknown.iter().filter(|(kind, ..)| *kind == resource.kind);
                resource.alike = alike.map(|(_, task, taken)| (*task, *taken)).collect();
            }
        }
        resources.sort_by(|a, b| {
            let order = |resource: &ResourceWaits| {
                let rank = resource.verdict.rank();
                (rank, resource.waiters.len(), resource.oldest())
            };
            (order(b).cmp(&order(a))).then_with(|| a.name.cmp(&b.name))
        });
        resources
    }
}

impl Holder {
    /// Where the body that holds it waits, `None` if it runs or its await is not known.
    pub(crate) fn at(&self) -> Option<&'static AwaitPoint> {
        match self.state {
            HolderState::Waiting(at) => at,
            HolderState::Running | HolderState::BlocksThread => None,
        }
    }
}

impl ResourceWaits {
    /// True if one holder suffices to keep the waiter out: of a lock that is known by its address.
    pub(super) fn is_exact(&self, want: Want) -> bool {
        self.lock.is_some() && want.access != Access::Counted
    }

    /// Time since the last poll of the task that has waited longest.
    pub(crate) fn oldest(&self) -> Option<Duration> {
        self.waiters.iter().filter_map(|waiter| waiter.time).max()
    }
}
