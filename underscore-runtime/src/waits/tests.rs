//! The judgement, compared with a model: tasks run as long as any can.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option::{of, weighted};
use proptest::prelude::*;

use super::graph::{Around, Graph, Holder, HolderState, Leaf, ResourceWaits, Waiter, Want};
use super::verdict::Verdict;
use crate::clock::Instant;
use crate::guards::{Access, ResourceType};
use crate::stack::AwaitPoint;
use crate::task::TaskId;

static POINT: AwaitPoint = AwaitPoint::new("m::f", "f.rs", 1, 1, "lock.lock()");

/// A system of tasks, each with the locks that it holds and the one that it waits for.
#[derive(Debug)]
struct System {
    locks: usize,
    tasks: Vec<(Vec<usize>, Option<usize>)>,
}

/// Up to six locks, each with one holder or none, and up to seven tasks.
fn systems() -> impl Strategy<Value = System> {
    (1..7_usize, 1..8_usize).prop_flat_map(|(locks, tasks)| {
        let holders = vec(of(0..tasks), locks);
        let wants = vec(weighted(0.8, 0..locks), tasks);
        (holders, wants).prop_map(|(holders, wants)| {
            let held = |task| {
                let locks = holders.iter().enumerate();
                let its = locks.filter(|(_, holder)| **holder == Some(task));
                its.map(|(lock, _)| lock).collect()
            };
            let tasks = wants.iter().enumerate();
            System {
                locks: holders.len(),
                tasks: tasks.map(|(task, wants)| (held(task), *wants)).collect(),
            }
        })
    })
}

impl System {
    /// The tasks that never run again: a task runs, and releases what it holds, if what it waits
    /// for is free.
    fn stuck(&self) -> Vec<bool> {
        let mut stuck = vec![true; self.tasks.len()];
        loop {
            let is_held = |lock: usize| {
                let mut holders = self.tasks.iter().zip(&stuck);
                holders.any(|((held, _), is_stuck)| *is_stuck && held.contains(&lock))
            };
            let runs =
                self.tasks.iter().enumerate().find(|(task, (_, wants))| {
                    stuck[*task] && wants.is_none_or(|lock| !is_held(lock))
                });
            let Some((task, _)) = runs else { return stuck };
            stuck[task] = false;
        }
    }

    /// The graph of it. With `by_address`, the locks are known by their addresses.
    fn graph(&self, access: Access, by_address: bool, waited: Duration) -> Graph {
        let now = Instant::from_nanos(3_600_000_000_000);
        let since = Instant::from_nanos(now.nanos() - crate::units::nanos(waited));
        let id = |task: usize| TaskId::from_number(task as u64 + 1).expect("not zero");
        let mut resources: Vec<ResourceWaits> = (0..self.locks)
            .map(|lock| ResourceWaits {
                name: format!("lock{lock}"),
                kind: ResourceType {
                    name: "tokio Mutex".to_owned(),
                    of: String::new(),
                    is_pool: false,
                },
                lock: by_address.then_some(lock + 1),
                waiters: Vec::new(),
                holders: Vec::new(),
                passed_on: Vec::new(),
                alike: Vec::new(),
                verdict: Verdict::Unknown,
            })
            .collect();
        let mut leaves = Vec::new();
        for (task, (held, wants)) in self.tasks.iter().enumerate() {
            for lock in held {
                resources[*lock].holders.push(Holder {
                    task: id(task),
                    taken: &POINT,
                    state: HolderState::Waiting(Some(&POINT)),
                    is_stuck: false,
                    access,
                    since: Some(since),
                    is_still: true,
                    carriers: vec![task],
                });
            }
            if let Some(lock) = wants {
                resources[*lock].waiters.push(Waiter {
                    task: id(task),
                    route: None,
                    point: &POINT,
                    time: Some(waited),
                    leaf: task,
                });
            }
            leaves.push(Leaf {
                task: id(task),
                wants: wants.map(|resource| Want {
                    resource,
                    access,
                    is_direct: true,
                }),
                children: Vec::new(),
                waits_for_children: false,
                since: Some(since),
                around: Around {
                    has_timeout: false,
                    is_certain: true,
                    may_go_on: false,
                },
                may_be_woken: false,
                is_stuck: false,
            });
        }
        let mut graph = Graph {
            leaves,
            resources,
            by_key: std::collections::HashMap::new(),
            now,
        };
        graph.judge();
        graph
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn exactly_the_tasks_that_never_run_again_are_stuck(system in systems()) {
        let stuck = system.stuck();
        let graph = system.graph(Access::Exclusive, true, Duration::ZERO);
        let judged: Vec<bool> = graph.leaves.iter().map(|leaf| leaf.is_stuck).collect();
        prop_assert_eq!(judged, stuck.clone());
        for resource in &graph.resources {
            let mut waiters = resource.waiters.iter();
            let waits_in_vain = waiters.any(|waiter| stuck[waiter.leaf]);
            let deadlock = resource.verdict.deadlock();
            prop_assert_eq!(deadlock.is_some(), waits_in_vain);
            prop_assert!(deadlock.is_none_or(|deadlock| deadlock.is_certain));
        }
    }

    /// Others may hold a permit, too, so that is likely at most, and only after a while.
    #[test]
    fn permits_are_judged_after_a_while_and_are_likely_at_most(system in systems()) {
        let early = system.graph(Access::Counted, true, Duration::from_millis(900));
        prop_assert!(early.leaves.iter().all(|leaf| !leaf.is_stuck));
        let late = system.graph(Access::Counted, true, Duration::from_secs(2));
        let judged: Vec<bool> = late.leaves.iter().map(|leaf| leaf.is_stuck).collect();
        prop_assert_eq!(judged, system.stuck());
        let mut verdicts = late.resources.iter().map(|resource| &resource.verdict);
        prop_assert!(verdicts.all(is_likely_at_most));
    }

    /// A lock that is known by its name may be one of several.
    #[test]
    fn locks_that_are_known_by_name_are_likely_at_most(system in systems()) {
        let graph = system.graph(Access::Exclusive, false, Duration::from_secs(2));
        let mut verdicts = graph.resources.iter().map(|resource| &resource.verdict);
        prop_assert!(verdicts.all(is_likely_at_most));
    }
}

fn is_likely_at_most(verdict: &Verdict) -> bool {
    verdict
        .deadlock()
        .is_none_or(|deadlock| !deadlock.is_certain)
}

/// A reader beside readers waits only behind a writer.
#[test]
fn a_reader_beside_readers_is_not_stuck_without_a_writer() {
    let system = System {
        locks: 1,
        tasks: vec![(vec![0], Some(0)), (Vec::new(), None)],
    };
    let graph = system.graph(Access::Shared, true, Duration::from_secs(2));
    assert!(graph.leaves.iter().all(|leaf| !leaf.is_stuck));
}

/// One of two that seem to hold a lock is out of date, and it is not known which.
#[test]
fn two_holders_of_one_mutex_prove_nothing() {
    let system = System {
        locks: 1,
        tasks: vec![(vec![0], Some(0)), (vec![0], None)],
    };
    let graph = system.graph(Access::Exclusive, true, Duration::from_secs(2));
    assert!(graph.leaves.iter().all(|leaf| !leaf.is_stuck));
}
