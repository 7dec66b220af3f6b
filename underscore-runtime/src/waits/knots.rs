//! The deadlocks at one moment: each knot of tasks that wait for each other once, with all that
//! wait behind it.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

use super::graph::{Graph, ResourceWaits};
use super::look::{self, Scope};
use super::verdict::{Deadlock, Shape};
use crate::clock::Instant;
use crate::routes::Route;
use crate::task::TaskId;

/// A deadlock.
#[derive(Debug)]
pub(crate) struct Knot {
    /// The tasks that wait for each other, oldest first: the end of these ends it.
    pub(crate) tasks: Vec<TaskId>,
    /// The routes of these tasks, each once. Background work without a request has none.
    pub(crate) routes: Vec<&'static Route>,
    /// The names of the resources that they hold, each once.
    pub(crate) resources: Vec<String>,
    /// Number of tasks that wait for these resources, those of the knot included.
    pub(crate) waiting: usize,
    /// Time since the last of these tasks was polled.
    pub(crate) since: Duration,
    pub(crate) deadlock: Deadlock,
    /// The awaited expression at which they wait for the first resource.
    pub(crate) awaiting: &'static str,
}

/// The deadlocks, those with the most waiting tasks first. Looks at all tasks only if those that
/// hold guards are in one, so that it can be asked for often.
pub(crate) fn knots(now: Instant) -> Vec<Knot> {
    let looks = look::look(Scope::WithLocks, &|| false);
    if !looks.iter().any(|look| look.locks.held().next().is_some()) {
        return Vec::new();
    }
    let knots = from_resources(&Graph::new(&looks, now).into_resources());
    if knots.is_empty() {
        return knots;
    }
    // Others may wait behind them, for a pool for example, and hold nothing.
    let looks = look::look(Scope::All, &|| false);
    from_resources(&Graph::new(&looks, Instant::now()).into_resources())
}

fn from_resources(resources: &[ResourceWaits]) -> Vec<Knot> {
    let mut knots: Vec<Knot> = Vec::new();
    // Those behind a deadlock come after it, and find it.
    for resource in resources {
        let Some(deadlock) = resource.verdict.deadlock() else {
            continue;
        };
        let tasks: BTreeSet<TaskId> = match &deadlock.shape {
            Shape::All(tasks) => tasks.iter().copied().collect(),
            Shape::Cycle(cycle) | Shape::Behind(cycle) => cycle.tasks().collect(),
        };
        let is_its = |knot: &Knot| knot.tasks.iter().any(|task| tasks.contains(task));
        let at = knots.iter().position(is_its).unwrap_or(knots.len());
        if at == knots.len() {
            let first = resource.waiters.first();
            knots.push(Knot {
                tasks: tasks.into_iter().collect(),
                routes: Vec::new(),
                resources: Vec::new(),
                waiting: 0,
                since: Duration::MAX,
                deadlock: deadlock.clone(),
                awaiting: first.map_or("", |waiter| waiter.point.source()),
            });
        }
        if let Some(knot) = knots.get_mut(at) {
            knot.add(resource);
        }
    }
    knots.sort_by_key(|knot| (Reverse(knot.waiting), knot.tasks.first().copied()));
    knots
}

impl Knot {
    fn add(&mut self, resource: &ResourceWaits) {
        self.waiting = self.waiting.saturating_add(resource.waiters.len());
        let tasks: BTreeSet<TaskId> = self.tasks.iter().copied().collect();
        let mut holders = resource.holders.iter();
        if holders.any(|holder| tasks.contains(&holder.task))
            && !self.resources.contains(&resource.name)
        {
            self.resources.push(resource.name.clone());
        }
        for waiter in resource
            .waiters
            .iter()
            .filter(|waiter| tasks.contains(&waiter.task))
        {
            if let Some(time) = waiter.time {
                self.since = self.since.min(time);
            }
            let is_known = |route: &&'static Route| {
                self.routes.iter().any(|known| std::ptr::eq(*known, *route))
            };
            if let Some(route) = waiter.route.filter(|route| !is_known(route)) {
                self.routes.push(route);
            }
        }
    }
}
