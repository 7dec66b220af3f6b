//! Reports requests while they are slow: a request that never ends would never be reported at its
//! end.

use std::time::Duration;

use crate::clock::Instant;
use crate::events::{self, EventType, NewEvent};
use crate::log::{self, field_text};
use crate::routes::{Route, SlowAfter};
use crate::stack::{AwaitPoint, innermost, on_one_line};
use crate::task::{MetaField, TaskRef, TaskState};
use crate::throttle::{Rate, Throttle, largest};
use crate::trace_context::trace_id;
use crate::truncate;
use crate::units;

/// A request is reported when it has taken this many times its route's `slow_after`.
const TIMES: [u32; 3] = [1, 4, 16];

/// Maximum number of reports of a route, and of all routes, which is a tenth of what the log holds.
/// Further ones are counted.
const RATE: Rate = Rate {
    window: Duration::from_secs(1),
    of_key: 10,
    of_all: 100,
};

/// Maximum number of routes of which the number of further reports is written each second.
const MAX_COUNTED: usize = 10;

/// Maximum number of awaits of a report.
const MAX_AWAITS: usize = 64;

/// Maximum length of the stack and of the request's id, in bytes: a stack has a part for each
/// branch, and clients choose the id.
const LONGEST: usize = 1024;

/// The reports of the current second, by the address of the route.
#[derive(Debug)]
pub(super) struct Crossings {
    reports: Throttle<usize, &'static Route>,
}

impl Crossings {
    pub(super) fn new() -> Self {
        Crossings {
            reports: Throttle::new(RATE),
        }
    }

    /// Reports a request that has become slow since the last look, `since` ago, or that is slow at
    /// the first one. It also becomes slow by a change of the setting.
    pub(super) fn check(&mut self, task: &TaskRef, since: Option<Duration>, now: Instant) {
        let Some(route) = task.own_route() else {
            return;
        };
        let Some(crossing) = Crossing::new(&route.slow_after, task.started, since, now) else {
            return;
        };
        // A response that streams is as slow as its head.
        if matches!(task.state(), None | Some(TaskState::Streaming)) {
            return;
        }
        // One second for all routes, so that their numbers are compared when it is over.
        let second = now.before(now.subsec());
        if self.reports.is_due(route.address(), route, second) {
            report(task, route, &crossing);
        }
    }

    /// Reports how many were left out in a second that is over: of the routes with the most, and of
    /// all others together.
    pub(super) fn flush(&mut self, now: Instant) {
        let (left_out, rest) = largest(self.reports.flush(now), MAX_COUNTED);
        for left_out in left_out {
            report_left_out(Some(left_out.of), left_out.count);
        }
        if rest > 0 {
            report_left_out(None, rest);
        }
    }
}

/// The multiple of `slow_after` that a request has crossed between two looks.
#[derive(Debug)]
struct Crossing {
    /// The request's age at the second look.
    age: Duration,
    slow_after: Duration,
    times: u32,
}

impl Crossing {
    /// `since` is the time between the looks, `None` at the first one.
    fn new(
        slow_after: &SlowAfter,
        started: Instant,
        since: Option<Duration>,
        now: Instant,
    ) -> Option<Self> {
        let age = now.since(started);
        // Most requests, without a lock.
        if age <= Duration::from_nanos(slow_after.nanos()) {
            return None;
        }
        let before = since.map_or(Duration::ZERO, |since| age.saturating_sub(since));
        // The value at the moment of each look, not the latest one: a change that is made while a
        // look is under way counts for the next one only.
        let [slow_before, slow] = slow_after.at([started.after(before), now]);
        let times = TIMES.into_iter().rev().find(|times| {
            age > slow.saturating_mul(*times) && before <= slow_before.saturating_mul(*times)
        })?;
        Some(Crossing {
            age,
            slow_after: slow,
            times,
        })
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn report(task: &TaskRef, route: &'static Route, crossing: &Crossing) {
    let Crossing {
        age,
        slow_after,
        times,
    } = *crossing;
    let Some(read) = task.read() else { return };
    // Read now: the request may have gone on when the log thread writes the entry.
    let frames = task.first_awaits(MAX_AWAITS).frames(task.body());
    let stack = on_one_line(&frames);
    let point = innermost(&frames);
    if task.is_gone() {
        return;
    }
    let id = task.id.number();
    let is_running = read.state == TaskState::Running;
    let field = |field| Some(read.request()?.field(field)?.into_owned());
    let mut event = NewEvent::new(EventType::Slow)
        .with_task(id)
        .with_route(Some(route))
        .word("state", read.state.word())
        .duration("running_time", Some(age))
        .duration("slow_after", Some(slow_after))
        .number("times", Some(times))
        .text("where", point.map(ToString::to_string))
        .text("awaiting", point.map(AwaitPoint::source))
        .text("stack", Some(&stack).filter(|_| frames.len() > 1))
        .text("request_id", field(MetaField::RequestId));
    if let Some(trace_parent) = field(MetaField::TraceParent) {
        event = event.text("trace_id", trace_id(&trace_parent));
    }
    if let Some(request) = read.request() {
        event = event.with_method(request.method());
    }
    events::publish(event);
    log::write(move || {
        let field = |field| {
            let request = read.request()?;
            Some(request.field(field)?.into_owned())
        };
        let (request_id, trace_parent) =
            (field(MetaField::RequestId), field(MetaField::TraceParent));
        let text = |text| truncate::to_bytes(text, LONGEST);
        let (stack, request_id) = (text(&stack), request_id.as_deref().map(text));
        tracing::warn!(
            target: "underscore::slow",
            task = id,
            method = read.request().map(|request| tracing::field::display(request.method().clone())),
            path = route.identity.path.as_deref(),
            handler = route.identity.declaration().handler,
            running_time_ms = millis(age),
            slow_after_ms = millis(slow_after),
            is_running,
            r#where = point.map(tracing::field::display),
            stack = &*stack,
            request_id = request_id.as_deref().map(field_text),
            trace_id = trace_parent.as_deref().and_then(trace_id),
            "a request has taken more than {times} x `slow_after`, and has not answered"
        );
    });
}

/// Reports how many more requests of a route became slow, or of all other routes.
fn report_left_out(route: Option<&'static Route>, more: u64) {
    let slow_after = route.map(|route| Duration::from_nanos(route.slow_after.nanos()));
    let event = NewEvent::new(EventType::Slow).with_route(route);
    let event = event.duration("slow_after", slow_after);
    events::publish(event.number("more", Some(more)));
    log::write(move || {
        tracing::warn!(
            target: "underscore::slow",
            more,
            method = route.map(|route| tracing::field::display(&route.identity.method)),
            path = route.and_then(|route| route.identity.path.as_deref()),
            handler = route.map(|route| route.identity.declaration().handler),
            slow_after = slow_after.map(units::human),
            "more requests became slow within a second"
        );
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_between_two_looks_is_one_crossing_though_the_first_look_is_still_under_way() {
        let started = Instant::now();
        let [tick, second] = [Duration::from_millis(33), Duration::from_secs(1)];
        let first = started.after(second);
        let change = first.after(Duration::from_millis(5));
        let slow_after = SlowAfter::new(Duration::from_secs(3_600));
        slow_after.change(Duration::from_millis(1), || change);
        let look = |ticks: u32| {
            let now = first.after(tick.saturating_mul(ticks));
            Crossing::new(&slow_after, started, Some(tick), now).map(|crossing| crossing.times)
        };
        assert_eq!([look(0), look(1), look(2)], [None, Some(16), None]);
    }
}
