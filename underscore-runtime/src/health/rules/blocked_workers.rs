//! Worker threads that are blocked inside one poll. The tasks of their queues wait meanwhile, and
//! if all are blocked, the service stands still.
//!
//! `_cat/workers` and the log have each worker after the limit of a poll, by default 100 ms. That
//! is not a finding yet: a service under load has such polls now and then.

use std::collections::HashMap;
use std::time::Duration;

use super::look::Look;
use crate::health::finding::{Finding, Status, Symptom};
use crate::health::names::{Names, last_line};
use crate::routes::Route;
use crate::task::{TaskId, TaskRef, for_each_live};
use crate::threads::{RuntimeNumber, Thread};
use crate::workers::{WorkerSnapshot, WorkerState, by_runtime, listed_workers};

/// Time inside one poll after which a worker is a finding: ten times the default limit of a poll.
const BLOCKED_FOR: Duration = Duration::from_secs(1);

/// Time inside one poll after which it is red.
const RED_AFTER: Duration = Duration::from_secs(2);

/// Maximum number of routes that a subject names.
const MAX_SHOWN: usize = 3;

/// The tasks inside blocking polls. They are found by a walk over all tasks, once for each.
#[derive(Debug, Default)]
pub(super) struct BlockingTasks(HashMap<TaskId, TaskRef>);

impl BlockingTasks {
    pub(super) fn look(&mut self, look: &mut Look) {
        let is_blocked = |worker: &WorkerSnapshot| {
            let is_long = worker.in_poll_for.is_some_and(|time| time >= BLOCKED_FOR);
            worker.state == WorkerState::Blocked && is_long
        };
        let workers = listed_workers(look.now);
        self.find(workers.iter().filter(|worker| is_blocked(worker)));
        for workers in by_runtime(workers) {
            let all = workers.len();
            let blocked: Vec<&WorkerSnapshot> =
                workers.iter().filter(|worker| is_blocked(worker)).collect();
            if blocked.len() == all {
                let number = blocked.first().and_then(|worker| worker.runtime);
                let number = number.map_or(0, RuntimeNumber::get);
                let number = usize::try_from(number).unwrap_or_default();
                let finding = self.finding(look, Symptom::AllWorkersBlocked, number, &blocked);
                look.found.extend(finding);
                continue;
            }
            let mut by_route: HashMap<usize, Vec<&WorkerSnapshot>> = HashMap::new();
            for worker in blocked {
                let route = self.route(worker).map_or(0, Route::address);
                by_route.entry(route).or_default().push(worker);
            }
            for (route, workers) in by_route {
                let finding = self.finding(look, Symptom::BlockedWorker, route, &workers);
                look.found.extend(finding);
            }
        }
    }

    /// Finds the tasks that block these workers.
    fn find<'a>(&mut self, workers: impl Iterator<Item = &'a WorkerSnapshot>) {
        let ids: Vec<TaskId> = workers.filter_map(|worker| worker.task).collect();
        self.0.retain(|id, _| ids.contains(id));
        if ids.iter().any(|id| !self.0.contains_key(id)) {
            for_each_live(|task| {
                if ids.contains(&task.id) {
                    self.0.insert(task.id, task);
                }
            });
        }
    }

    fn task(&self, worker: &WorkerSnapshot) -> Option<&TaskRef> {
        self.0.get(&worker.task?)
    }

    fn route(&self, worker: &WorkerSnapshot) -> Option<&'static Route> {
        self.task(worker)?.route()
    }

    fn finding(
        &self,
        look: &Look,
        symptom: Symptom,
        subject: usize,
        workers: &[&WorkerSnapshot],
    ) -> Option<Finding> {
        let longest = workers.iter().max_by_key(|worker| worker.in_poll_for)?;
        let shortest = workers
            .iter()
            .filter_map(|worker| worker.in_poll_for)
            .min()?;
        let since = look.now.before(longest.in_poll_for?);
        // All are blocked only since the last one is.
        let (since, time) = match symptom {
            Symptom::AllWorkersBlocked => (look.now.before(shortest), shortest),
            _ => (since, longest.in_poll_for?),
        };
        let status = if time >= RED_AFTER {
            Status::Red
        } else {
            Status::Yellow
        };
        let mut routes: Vec<&'static Route> = Vec::new();
        for route in workers.iter().filter_map(|worker| self.route(worker)) {
            if !routes.iter().any(|known| std::ptr::eq(*known, route)) {
                routes.push(route);
            }
        }
        let tasks: Vec<TaskId> = workers.iter().filter_map(|worker| worker.task).collect();
        let name = shown(&routes, &look.names, workers);
        let finding = Finding::new(symptom, [subject, 0], &name, since)
            .with_status(status)
            .with_evidence(&self.evidence(symptom, workers, longest))
            .with_next("GET /_cat/workers?v")
            .with_affected(workers.len(), &tasks)
            .with_routes(&routes);
        Some(finding)
    }

    fn evidence(
        &self,
        symptom: Symptom,
        workers: &[&WorkerSnapshot],
        longest: &WorkerSnapshot,
    ) -> String {
        let thread = longest.thread.as_deref();
        let name = thread.and_then(|thread| thread.name.as_deref());
        let (number, one) = (workers.len(), name.unwrap_or("a worker"));
        let who = match (symptom, number) {
            (Symptom::AllWorkersBlocked, 1) => format!("{one}, the only worker, is"),
            (Symptom::AllWorkersBlocked, _) => format!("all {number} workers are"),
            (_, 1) => format!("{one} is"),
            _ => format!("{number} workers are"),
        };
        let each = if number > 1 { "each " } else { "" };
        let line = self.task(longest).and_then(last_line);
        let line = line.unwrap_or_else(|| "in untracked code".to_owned());
        let kernel = thread.and_then(Thread::kernel_wait);
        let kernel = kernel.map_or_else(String::new, |kernel| format!(", kernel: {kernel}"));
        format!("{who} {each}inside one poll {line}{kernel}")
    }
}

/// The routes, or the work without one.
fn shown(routes: &[&'static Route], names: &Names, workers: &[&WorkerSnapshot]) -> String {
    let shown = routes
        .iter()
        .take(MAX_SHOWN)
        .map(|route| names.shown(route));
    let mut shown: Vec<String> = shown.collect();
    if shown.is_empty() {
        let is_tracked = workers.iter().any(|worker| worker.task.is_some());
        shown.push(
            if is_tracked {
                "background work"
            } else {
                "untracked code"
            }
            .to_owned(),
        );
    }
    if routes.len() > MAX_SHOWN {
        shown.push("...".to_owned());
    }
    shown.join(", ")
}
