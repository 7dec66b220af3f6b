//! Reports requests while they are slow: a request that never ends would never be reported at its
//! end.

use std::time::Duration;

use crate::clock::Instant;
use crate::events::{self, EventType, NewEvent};
use crate::log::{self, field_text};
use crate::routes::Route;
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
        let slow_after = Duration::from_nanos(route.slow_after());
        let age = now.since(task.started);
        if age <= slow_after {
            return;
        }
        let before = since.map_or(Duration::ZERO, |since| age.saturating_sub(since));
        let slow_after_before = route.slow_after_at(task.started.after(before));
        let slow_after_before = Duration::from_nanos(slow_after_before);
        let crossed = TIMES.into_iter().rev().find(|times| {
            age > slow_after.saturating_mul(*times)
                && before <= slow_after_before.saturating_mul(*times)
        });
        let Some(times) = crossed else { return };
        // A response that streams is as slow as its head.
        if matches!(task.state(), None | Some(TaskState::Streaming)) {
            return;
        }
        // One second for all routes, so that their numbers are compared when it is over.
        let second = now.before(now.subsec());
        if self.reports.is_due(route.address(), route, second) {
            report(task, route, age, times);
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

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn report(task: &TaskRef, route: &'static Route, age: Duration, times: u32) {
    let Some(read) = task.read() else { return };
    // Read now: the request may have gone on when the log thread writes the entry.
    let frames = task.first_awaits(MAX_AWAITS).frames(task.body());
    let stack = on_one_line(&frames);
    let point = innermost(&frames);
    if task.is_gone() {
        return;
    }
    let id = task.id.number();
    let slow_after = Duration::from_nanos(route.slow_after());
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
    let slow_after = route.map(|route| Duration::from_nanos(route.slow_after()));
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
