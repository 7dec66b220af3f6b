//! Builds the graph from a look at all tasks.

use std::collections::{HashMap, HashSet};

use super::graph::{Around, Graph, Holder, HolderState, Key, Leaf, ResourceWaits, Waiter, Want};
use super::look::TaskLook;
use super::passage::{Passage, analyse};
use super::verdict::Verdict;
use crate::clock::Instant;
use crate::guards::{self, HeldGuard, ResourceType, guard_of, resource_name};
use crate::stack::{AwaitPoint, Frame, ParentKey};
use crate::task::{TaskId, TaskState};
use crate::threads::RuntimeNumber;
use crate::workers::{WorkerState, listed_workers};

/// The leaves of one task.
#[derive(Default)]
struct Bodies {
    /// The awaits directly inside each await, with the leaves of each.
    inside: HashMap<ParentKey, Vec<(&'static AwaitPoint, Vec<usize>)>>,
    all: Vec<usize>,
}

impl Graph {
    /// The graph of these tasks, with its verdicts.
    pub(super) fn new(looks: &[TaskLook], now: Instant) -> Self {
        let mut graph = Graph {
            leaves: Vec::new(),
            resources: Vec::new(),
            by_key: HashMap::new(),
            now,
        };
        let blocked = runtimes_with_blocked_workers(now);
        let mut leaves_of_children: HashMap<TaskId, Vec<Vec<usize>>> = HashMap::new();
        for look in looks {
            let mut bodies = Bodies::default();
            let around = Around {
                has_timeout: look.has_timeout,
                is_certain: true,
                may_go_on: !look.is_still,
            };
            let may_be_woken = look
                .runtime
                .is_none_or(|runtime| blocked.contains(&runtime));
            let first = graph.leaves.len();
            graph.add_frames(look, &look.frames, ParentKey::ROOT, around, &mut bodies);
            for leaf in graph.leaves.iter_mut().skip(first) {
                leaf.may_be_woken = may_be_woken;
            }
            for held in look.locks.held() {
                graph.add_guard(look, held, &bodies);
            }
            if let Some(parent) = look.parent {
                let children = leaves_of_children.entry(parent).or_default();
                children.push(bodies.all);
            }
        }
        for leaf in graph
            .leaves
            .iter_mut()
            .filter(|leaf| leaf.waits_for_children)
        {
            let children = leaves_of_children.get(&leaf.task);
            let children = children.map(Vec::as_slice).unwrap_or_default();
            // A child at no known await may go on.
            if children.iter().all(|leaves| !leaves.is_empty()) {
                leaf.children = children.concat();
            }
        }
        graph.judge();
        graph
    }

    /// Adds the awaits of a task that are inside `parent`, and returns the leaves among them.
    fn add_frames(
        &mut self,
        look: &TaskLook,
        frames: &[Frame],
        parent: ParentKey,
        around: Around,
        bodies: &mut Bodies,
    ) -> Vec<usize> {
        let mut all = Vec::new();
        for frame in frames {
            let (future, output) = (frame.types)();
            let awaited = analyse(future);
            let inner = Around {
                has_timeout: around.has_timeout || awaited.has_timeout,
                is_certain: around.is_certain
                    && (frame.inside.is_empty() || awaited.passage == Passage::All),
                // Beside it, futures without a point may be polled.
                may_go_on: around.may_go_on
                    || frame.point.has_unknown_siblings()
                    || (!frame.inside.is_empty() && awaited.passage == Passage::Any),
            };
            let leaves = if frame.inside.is_empty() {
                let leaf = self.add_leaf(look, frame, awaited.inner, output, inner);
                bodies.all.push(leaf);
                vec![leaf]
            } else {
                self.add_frames(look, &frame.inside, frame.key, inner, bodies)
            };
            let inside = bodies.inside.entry(parent).or_default();
            inside.push((frame.point, leaves.clone()));
            all.extend(leaves);
        }
        all
    }

    fn add_leaf(
        &mut self,
        look: &TaskLook,
        frame: &Frame,
        future: &str,
        output: &'static str,
        around: Around,
    ) -> usize {
        let leaf = self.leaves.len();
        let is_waiting = look.state() == TaskState::Waiting;
        let guard = (is_waiting && guards::is_in(output)).then(|| guard_of(output));
        let want = guard.flatten().map(|(kind, access)| {
            let address = look.locks.awaited_lock(frame.key);
            Want {
                resource: self.resource(frame.point, kind, address),
                access,
                is_direct: address != 0 || guards::is_wait_of(future, output),
            }
        });
        if let Some(resource) = want.and_then(|want| self.resources.get_mut(want.resource)) {
            if resource.waiters.is_empty() {
                // Holders may call it otherwise.
                resource_name(frame.point.source()).clone_into(&mut resource.name);
            }
            resource.waiters.push(Waiter {
                task: look.task.id,
                route: look.task.route(),
                point: frame.point,
                time: look.since().map(|since| self.now.since(since)),
                leaf,
            });
        }
        self.leaves.push(Leaf {
            task: look.task.id,
            wants: want,
            children: Vec::new(),
            waits_for_children: is_waiting && is_wait_for_children(future),
            since: look.since(),
            around,
            may_be_woken: false,
            is_stuck: false,
        });
        leaf
    }

    /// The number of a resource.
    fn resource(&mut self, point: &'static AwaitPoint, kind: ResourceType, lock: usize) -> usize {
        let name = resource_name(point.source()).to_owned();
        let key = match lock {
            0 => Key::Name(name.clone(), kind.clone()),
            lock => Key::Address(lock),
        };
        let next = self.resources.len();
        let number = *self.by_key.entry(key).or_insert(next);
        if number == next {
            self.resources.push(ResourceWaits {
                name,
                kind,
                lock: (lock != 0).then_some(lock),
                waiters: Vec::new(),
                holders: Vec::new(),
                passed_on: Vec::new(),
                alike: Vec::new(),
                verdict: Verdict::Unknown,
            });
        }
        number
    }

    fn add_guard(&mut self, look: &TaskLook, held: &HeldGuard, bodies: &Bodies) {
        let Some((kind, access)) = guard_of((held.guard)()) else {
            return;
        };
        let number = self.resource(held.by, kind, held.lock);
        let Some(resource) = self.resources.get_mut(number) else {
            return;
        };
        if held.is_passed_on {
            resource.passed_on.push((look.task.id, held.taken));
            return;
        }
        let (at, carriers) = bodies.of(held);
        resource.holders.push(Holder {
            task: look.task.id,
            taken: held.taken,
            state: match look.state() {
                TaskState::Running if look.blocks_thread => HolderState::BlocksThread,
                TaskState::Running => HolderState::Running,
                TaskState::Queued | TaskState::Waiting | TaskState::Streaming => {
                    HolderState::Waiting(at)
                }
            },
            is_stuck: false,
            access,
            since: held.since,
            is_still: look.is_still,
            carriers,
        });
    }
}

impl Bodies {
    /// Where the body that holds a guard waits, and the leaves that must complete before it
    /// continues.
    fn of(&self, held: &HeldGuard) -> (Option<&'static AwaitPoint>, Vec<usize>) {
        let inside = self.inside.get(&held.parent);
        let inside = inside.map(Vec::as_slice).unwrap_or_default();
        // Several bodies may be polled in one await, and one of them several times.
        let mut own: Vec<&(&'static AwaitPoint, Vec<usize>)> = inside
            .iter()
            .filter(|(point, _)| point.is_in_body_of(held.taken))
            .collect();
        if own.is_empty() {
            own = inside.iter().collect();
        }
        if own.is_empty() {
            // A future that is kept and not polled: it continues when the task does.
            return (None, self.all.clone());
        }
        let at = own.first().map(|(point, _)| *point);
        let leaves = own.into_iter().flat_map(|(_, leaves)| leaves);
        (at, leaves.copied().collect())
    }
}

/// True if a future of this type waits for work that the task has begun with `track` or `spawn`.
fn is_wait_for_children(future: &str) -> bool {
    let is_spawned = future.starts_with("tokio::runtime::task::join::JoinHandle<")
        && future.contains("underscore_runtime::instrument::interrupted::Interrupted");
    is_spawned || future.starts_with("underscore_runtime::instrument::background::")
}

/// The runtimes in which a task that was woken may not be polled for long.
fn runtimes_with_blocked_workers(now: Instant) -> HashSet<RuntimeNumber> {
    // Without a probe, which would wake a worker: the background thread asks, too.
    let blocked = listed_workers(now)
        .into_iter()
        .filter(|worker| worker.state == WorkerState::Blocked);
    blocked.filter_map(|worker| worker.runtime).collect()
}
