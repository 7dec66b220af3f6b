//! `?dry_run`: reports what a change would hit, after all checks, and does not make it.

use super::cancellation::Cancellation;
use super::render::{Answer, Node};
use super::task_snapshot::snapshots;
use super::words;
use crate::routes::{Route, RouteEntry, entries};
use crate::task::TaskRef;

/// The answer to a dry run for tasks: each task with its state.
pub(super) fn tasks(
    tasks: Vec<TaskRef>,
    share: Option<f64>,
    cancellation: &Cancellation,
) -> Answer {
    let snapshots = snapshots(tasks).take_while(|_| !cancellation.is_requested());
    let states = snapshots.map(|task| {
        let state = words::task_state(task.state());
        (task.id().number().to_string(), Node::text(state))
    });
    let states: Vec<_> = states.collect();
    let hit = would_hit(states.len(), share);
    let first = states.first().map(|(id, _)| {
        let advice = format!(
            "an interrupt drops the handler at its current await, as a disconnect of its client does; \
             try one first: POST /_tasks/{id}/_cancel"
        );
        ("advice", Node::text(advice))
    });
    let answer = [("dry_run", Node::Bool(true)), ("would_hit", hit)];
    let answer = answer.into_iter().chain(first);
    Answer::Node(Node::object(
        answer.chain([("tasks", Node::object(states))]),
    ))
}

/// The answer to a dry run for routes: each route as `shown` after the change.
pub(super) fn routes(
    selected: &[RouteEntry],
    shown: impl Fn(&RouteEntry) -> Node,
    cancellation: &Cancellation,
) -> Answer {
    let traffic = Traffic::now();
    let active = |entry: &RouteEntry| entry.route.map_or(0, |route| route.stats.active());
    let hit = |entries: &[RouteEntry]| {
        let tasks: u64 = entries.iter().map(active).sum();
        let tasks = usize::try_from(tasks).unwrap_or(usize::MAX);
        would_hit(tasks, traffic.share_of(entries))
    };
    let listed = selected.iter().take_while(|_| !cancellation.is_requested());
    let routes = listed.map(|entry| {
        let mut shown = shown(entry);
        if let Node::Object(sections) = &mut shown {
            let hit = hit(std::slice::from_ref(entry));
            sections.push(("would_hit".into(), hit));
        }
        (entry.id.to_string(), shown)
    });
    let routes = Node::object(routes);
    Answer::Node(Node::object([
        ("dry_run", Node::Bool(true)),
        ("would_hit", hit(selected)),
        ("routes", routes),
    ]))
}

fn would_hit(tasks: usize, share: Option<f64>) -> Node {
    Node::object([
        ("tasks", Node::Integer(tasks as u64)),
        ("share_1m", share.map_or(Node::Null, Node::Float)),
    ])
}

/// The requests of the last minute.
pub(super) struct Traffic {
    all: u64,
}

impl Traffic {
    pub(super) fn now() -> Self {
        Traffic {
            all: begun(&entries()),
        }
    }

    /// The share of requests to `entries`, from 0 to 1 with three decimals. `None` without requests
    /// in the last minute.
    #[allow(clippy::cast_precision_loss, reason = "a share of few or of many")]
    pub(super) fn share_of(&self, entries: &[RouteEntry]) -> Option<f64> {
        let share = || begun(entries) as f64 / self.all as f64;
        // A request that began since is not among all of them.
        (self.all > 0).then(|| (share().min(1.0) * 1_000.0).round() / 1_000.0)
    }
}

fn begun(entries: &[RouteEntry]) -> u64 {
    let routes = entries.iter().filter_map(|entry| entry.route);
    routes.map(last_minute).sum()
}

fn last_minute(route: &Route) -> u64 {
    let [minute, ..] = route.stats.recent();
    minute.begun()
}
