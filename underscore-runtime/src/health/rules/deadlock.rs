//! Requests that wait for each other: each holds what another one waits for.

use std::time::Duration;

use super::Look;
use crate::health::finding::{Finding, Status, Symptom};
use crate::routes::Route;
use crate::task::TaskId;

/// Tasks that wait for each other.
#[derive(Clone, Debug)]
pub(crate) struct Knot {
    pub(crate) routes: Vec<&'static Route>,
    pub(crate) tasks: Vec<TaskId>,
    pub(crate) since: Duration,
    pub(crate) evidence: String,
    /// True if every lock of the cycle is known by its address.
    pub(crate) is_certain: bool,
    /// True if one of them waits with a timeout, so that the knot comes apart.
    pub(crate) until_timeout: bool,
    pub(crate) holders: usize,
}

/// The knots of the wait-for graph.
fn knots() -> Vec<Knot> {
    Vec::new()
}

pub(super) fn look(look: &mut Look) {
    for knot in knots() {
        let finding = finding(&knot, look);
        look.found.push(finding);
    }
}

fn finding(knot: &Knot, look: &Look) -> Finding {
    let mut shown: Vec<String> = knot
        .routes
        .iter()
        .map(|route| look.names.shown(route))
        .collect();
    shown.dedup();
    let selectors = knot.routes.iter().map(|route| look.names.selector(route));
    let mut selectors: Vec<String> = selectors.flatten().collect();
    selectors.sort_unstable();
    selectors.dedup();
    let next = match selectors.as_slice() {
        [] => "GET /_cat/tasks?v&h=id,where,awaiting".to_owned(),
        selectors => format!("POST /_routes/{}/interrupt", selectors.join(",")),
    };
    // The first task does not change while the knot lasts.
    let subject = knot.tasks.first().map_or(0, |task| task.number());
    let subject = usize::try_from(subject).unwrap_or_default();
    let status = if knot.until_timeout {
        Status::Yellow
    } else {
        Status::Red
    };
    let guess = if knot.is_certain { "" } else { "probably: " };
    let since = look.now.before(knot.since);
    Finding::new(Symptom::Deadlock, [subject, 0], &shown.join(", "), since)
        .with_status(status)
        .with_evidence(&format!("{guess}{}", knot.evidence))
        .with_next(next)
        .with_affected(knot.holders, &knot.tasks)
        .with_routes(&knot.routes)
}
