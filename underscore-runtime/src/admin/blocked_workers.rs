//! The cause for `no_worker_free`: interrupted tasks are not polled because every worker of their
//! runtime is blocked. Shows what blocks the workers, and how to end that.

use std::collections::BTreeMap;

use super::render::Node;
use super::task_snapshot::snapshots;
use crate::clock::Instant;
use crate::task::{TaskId, for_each_live};
use crate::threads::{RuntimeNumber, Thread};
use crate::workers::{WorkerSnapshot, WorkerState, by_runtime, workers};

/// The blocked workers of runtimes whose workers are all blocked.
#[derive(Default)]
pub(super) struct BlockedWorkers {
    workers: Vec<WorkerSnapshot>,
}

impl BlockedWorkers {
    /// Finds the runtimes whose workers are all blocked.
    pub(super) fn find() -> Self {
        let is_blocked = |worker: &WorkerSnapshot| worker.state == WorkerState::Blocked;
        let runtimes = by_runtime(workers(Instant::now())).into_iter();
        let blocked = runtimes.filter(|workers| workers.iter().all(is_blocked));
        BlockedWorkers {
            workers: blocked.flatten().collect(),
        }
    }

    /// True if all workers of `runtime` are blocked.
    pub(super) fn are_all_of(&self, runtime: Option<RuntimeNumber>) -> bool {
        let is_its = |worker: &WorkerSnapshot| runtime.is_some() && worker.runtime == runtime;
        self.workers.iter().any(is_its)
    }

    /// Keeps the workers of these runtimes.
    pub(super) fn keep(&mut self, runtimes: &[Option<RuntimeNumber>]) {
        self.workers
            .retain(|worker| runtimes.contains(&worker.runtime));
    }

    fn tasks(&self) -> impl Iterator<Item = TaskId> {
        self.workers.iter().filter_map(|worker| worker.task)
    }

    /// Each worker, with the task that blocks it and the line of that task's last await.
    pub(super) fn node(&self) -> Node {
        let mut blocking = Vec::new();
        for_each_live(|task| {
            if self.tasks().any(|id| id == task.id) {
                blocking.push(task);
            }
        });
        let places: BTreeMap<_, _> = snapshots(blocking)
            .map(|task| (task.id().number(), task.last_place()))
            .collect();
        let worker = |worker: &WorkerSnapshot| {
            let id = worker.task.map(TaskId::number);
            let place = id.and_then(|id| places.get(&id).cloned().flatten());
            let thread = worker.thread.as_deref();
            let text = |text: Option<String>| text.map_or(Node::Null, Node::text);
            Node::object([
                (
                    "worker",
                    Node::Integer(u64::try_from(worker.index).unwrap_or(u64::MAX)),
                ),
                (
                    "runtime",
                    worker
                        .runtime
                        .map_or(Node::Null, |runtime| Node::Integer(runtime.get())),
                ),
                ("task_id", id.map_or(Node::Null, Node::Integer)),
                ("where", text(place)),
                (
                    "thread",
                    text(thread.and_then(|thread| thread.name.clone())),
                ),
                ("kernel_wait", text(thread.and_then(Thread::kernel_wait))),
            ])
        };
        Node::List(self.workers.iter().map(worker).collect())
    }

    /// The advice how to end it.
    pub(super) fn next(&self) -> String {
        let ids: Vec<String> = self.tasks().map(|id| id.to_string()).collect();
        let inspect = match ids.as_slice() {
            [] => "GET /_cat/workers?v shows their threads".to_owned(),
            ids => format!(
                "GET /_tasks/{}/print_stack shows the last await of each task",
                ids.join(",")
            ),
        };
        format!(
            "no interrupt reaches code inside a poll: the workers are free when what blocks them \
             returns, or what they wait for is released; {inspect}; if they wait for a task that is \
             itself not polled, only a restart of the process ends it"
        )
    }
}
