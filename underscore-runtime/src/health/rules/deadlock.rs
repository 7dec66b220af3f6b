//! Requests and other tasks that wait for each other: each holds what another one waits for.
//!
//! A look walks over all tasks. The background thread therefore looks only if the sampler has seen
//! a request that stands still with a guard or at a lock, and at most as often as [`BUDGET`]
//! allows; an answer always looks.

use std::time::Duration;

use super::look::Look;
use crate::clock::Instant;
use crate::health::finding::{Finding, Status, Symptom};
use crate::health::names::awaited;
use crate::sampling;
use crate::waits::{Cycle, Knot, Shape, knots};

/// Time for which a request stands still before the background thread looks.
const STILL_FOR: Duration = Duration::from_secs(1);

/// Time between the first look that has seen a deadlock and the one that is sure of it.
const CONFIRMED_AFTER: Duration = Duration::from_secs(1);

/// The time between two looks of the background thread in multiples of the time that one takes: a
/// thousandth of a core.
const BUDGET: u32 = 1_000;

/// A look at all tasks.
#[derive(Debug)]
pub(in crate::health) struct DeadlockLook {
    at: Instant,
    took: Duration,
    knots: Vec<Knot>,
}

impl DeadlockLook {
    pub(in crate::health) fn new() -> Self {
        let at = Instant::now();
        let knots = knots(at);
        DeadlockLook {
            at,
            took: Instant::now().since(at),
            knots,
        }
    }
}

/// The deadlocks of the last look.
#[derive(Debug, Default)]
pub(super) struct Deadlocks {
    /// Each with the look that saw it first.
    knots: Vec<(Knot, Instant)>,
    /// The time of that look.
    looked: Option<Instant>,
    took: Duration,
}

impl Deadlocks {
    pub(super) fn look(&mut self, look: &mut Look) {
        let now = look.now;
        if self.is_due(now) {
            self.update(DeadlockLook::new());
        }
        for (knot, first) in &self.knots {
            let looked = self.looked.unwrap_or(now);
            let finding = finding(look, knot, looked.since(*first) >= CONFIRMED_AFTER);
            look.found.push(finding);
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        let pause = self.took.saturating_mul(BUDGET);
        let is_affordable = self.looked.is_none_or(|looked| now.since(looked) >= pause);
        let has_reason =
            || !self.knots.is_empty() || sampling::stands_still_with_locks(STILL_FOR, now);
        is_affordable && has_reason()
    }

    /// Takes the deadlocks that a look has seen.
    pub(super) fn update(&mut self, look: DeadlockLook) {
        let DeadlockLook { at, took, knots } = look;
        let before = std::mem::take(&mut self.knots);
        let first_seen = |knot: &Knot| {
            let is_same = |(before, _): &&(Knot, Instant)| {
                before.tasks.iter().any(|task| knot.tasks.contains(task))
            };
            before.iter().find(is_same).map_or(at, |(_, first)| *first)
        };
        let knots = knots.into_iter().map(|knot| {
            let first = first_seen(&knot);
            (knot, first)
        });
        self.knots = knots.collect();
        (self.looked, self.took) = (Some(at), took);
    }
}

fn finding(look: &Look, knot: &Knot, is_confirmed: bool) -> Finding {
    let mut shown: Vec<String> = knot
        .routes
        .iter()
        .map(|route| look.names.shown(route))
        .collect();
    shown.sort_unstable();
    shown.dedup();
    let selectors = knot.routes.iter().map(|route| look.names.selector(route));
    let mut selectors: Vec<String> = selectors.flatten().collect();
    selectors.sort_unstable();
    selectors.dedup();
    let name = if shown.is_empty() {
        "background work".to_owned()
    } else {
        shown.join(", ")
    };
    // The oldest task stays as long as the deadlock does.
    let subject = knot.tasks.first().map_or(0, |task| task.number());
    let subject = usize::try_from(subject).unwrap_or_default();
    // A timeout ends it.
    let status = if is_confirmed && !knot.deadlock.has_timeout {
        Status::Red
    } else {
        Status::Yellow
    };
    let since = look.now.before(knot.since);
    Finding::new(Symptom::Deadlock, [subject, 0], &name, since)
        .with_status(status)
        .with_evidence(&evidence(knot))
        .with_next(next(knot, &selectors))
        .with_affected(knot.waiting, &knot.tasks)
        .with_routes(&knot.routes)
}

/// Maximum number of tasks that the next step ends.
const MOST_ENDED: usize = 32;

/// What ends it. In a cycle the end of one task suffices, and the youngest has done the least. Each
/// holder of permits is ended by its route if that is one, or else by its id: others may wait on
/// these routes that are not part of it.
fn next(knot: &Knot, selectors: &[String]) -> String {
    let ids = match (&knot.deadlock.shape, selectors) {
        (Shape::All(tasks), [route]) if tasks.len() > 1 => {
            return format!("POST /_routes/{route}/interrupt");
        }
        (Shape::All(tasks), _) => tasks.as_slice(),
        (Shape::Cycle(_) | Shape::Behind(_), _) => {
            let youngest = knot.tasks.len().saturating_sub(1);
            knot.tasks.get(youngest..).unwrap_or_default()
        }
    };
    let ids = ids.iter().take(MOST_ENDED);
    let ids: Vec<String> = ids.map(ToString::to_string).collect();
    format!("POST /_tasks/{}/_cancel", ids.join(","))
}

fn evidence(knot: &Knot) -> String {
    let guess = if knot.deadlock.is_certain {
        ""
    } else {
        "probably "
    };
    let what = match &knot.deadlock.shape {
        Shape::All(tasks) => {
            let source = awaited(knot.awaiting);
            match tasks.as_slice() {
                [only] => format!("{} holds {source} and waits for it", only.number()),
                all => format!("all {} known holders of {source} wait for it", all.len()),
            }
        }
        Shape::Cycle(cycle) | Shape::Behind(cycle) => in_cycle(cycle),
    };
    let until = if knot.deadlock.has_timeout {
        ", until a timeout"
    } else {
        ""
    };
    let more = knot.waiting.saturating_sub(knot.tasks.len());
    let more = match more {
        0 => String::new(),
        1 => "; 1 more waits behind them".to_owned(),
        more => format!("; {more} more wait behind them"),
    };
    format!("{guess}{what}{until}{more}")
}

fn in_cycle(cycle: &Cycle) -> String {
    format!("each holds what the next waits for: {cycle}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::TaskId;
    use crate::waits::Deadlock;

    fn task(number: u64) -> TaskId {
        TaskId::from_number(number).expect("not zero")
    }

    fn knot(is_certain: bool, has_timeout: bool, shape: Shape) -> Knot {
        Knot {
            tasks: vec![task(3), task(4)],
            routes: Vec::new(),
            resources: Vec::new(),
            waiting: 5,
            since: Duration::from_secs(4),
            deadlock: Deadlock {
                is_certain,
                has_timeout,
                shape,
            },
            awaiting: "permits\n.acquire()",
        }
    }

    /// Holds 14.22 of docs/admin-api.md.
    #[test]
    fn the_evidence_names_the_cycle_or_the_holders_and_a_guess_says_so() {
        let all = knot(false, false, Shape::All(vec![task(3), task(4)]));
        assert_eq!(
            evidence(&all),
            "probably all 2 known holders of permits .acquire() wait for it; 3 more wait behind them"
        );
        let cycle = Cycle(vec![
            (task(3), Some("pool".to_owned())),
            (task(4), Some("stock".to_owned())),
        ]);
        assert_eq!(
            evidence(&knot(true, true, Shape::Cycle(cycle))),
            "each holds what the next waits for: 3 > pool > 4 > stock > 3, until a timeout; \
             3 more wait behind them"
        );
    }

    /// Holds 14.22 of docs/admin-api.md.
    #[test]
    fn the_next_step_ends_no_more_than_it_must() {
        let routes = [
            ["a".to_owned()].to_vec(),
            ["a".to_owned(), "b".to_owned()].to_vec(),
        ];
        let all = knot(false, false, Shape::All(vec![task(3), task(4)]));
        assert_eq!(next(&all, &routes[0]), "POST /_routes/a/interrupt");
        assert_eq!(next(&all, &routes[1]), "POST /_tasks/3,4/_cancel");
        let one = knot(true, false, Shape::All(vec![task(3)]));
        assert_eq!(next(&one, &routes[0]), "POST /_tasks/3/_cancel");
        let cycle = knot(true, false, Shape::Cycle(Cycle(Vec::new())));
        assert_eq!(next(&cycle, &routes[1]), "POST /_tasks/4/_cancel");
    }
}
