//! Warnings about blocked workers in the host's log: the first one at once, then one summary per
//! source in ten seconds.

use std::sync::Arc;
use std::time::Duration;

use super::stall::{Transition, UntrackedStall};
use crate::clock::Instant;
use crate::events::{self, EventType, NewEvent};
use crate::log::{self, field_text};
use crate::routes::Route;
use crate::stack::{AwaitPoint, innermost};
use crate::task::Task;
use crate::threads::{RuntimeNumber, Thread};
use crate::throttle::{Rate, Throttle};

/// One warning of each source in this time.
const RATE: Rate = Rate {
    window: Duration::from_secs(10),
    of_key: 1,
    of_all: u32::MAX,
};

/// The code that blocks a worker. Routes are compared by address: they are never freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Route(usize),
    /// Tracked work without a route.
    Background,
    /// Untracked code in this runtime.
    Untracked(Option<RuntimeNumber>),
}

/// The sources of recent warnings.
#[derive(Debug)]
pub(super) struct Reports {
    warnings: Throttle<Source, Option<&'static Route>>,
}

/// A worker that is blocked in a poll.
#[derive(Debug)]
pub(super) struct Stalled {
    pub(super) thread: Option<Arc<Thread>>,
    pub(super) in_poll_for: Duration,
}

impl Reports {
    pub(super) fn new() -> Self {
        Reports {
            warnings: Throttle::new(RATE),
        }
    }

    /// Warns about a worker that is blocked in a poll of `task`. Returns false if the warning was
    /// left out.
    pub(super) fn report_task(&mut self, task: Task, stalled: Stalled, now: Instant) -> bool {
        let route = task.route();
        let source = route.map_or(Source::Background, |route| Source::Route(route.address()));
        let is_due = self.warnings.is_due(source, route, now);
        if is_due {
            warn_of_task(task, stalled);
        }
        is_due
    }

    /// Reports a worker that is or was blocked by untracked code.
    pub(super) fn report_untracked(&mut self, stall: UntrackedStall, now: Instant) {
        match stall.transition {
            Transition::Blocked(in_poll_for) => {
                let source = Source::Untracked(stall.runtime);
                if self.warnings.is_due(source, None, now) {
                    warn_of_untracked(stall, in_poll_for);
                }
            }
            Transition::Resumed(in_poll_for) => {
                let event = NewEvent::new(EventType::Resumed);
                events::publish(of_untracked(event, &stall, in_poll_for));
                log_resumed(None, in_poll_for);
            }
        }
    }

    /// Reports that a worker has returned from the poll of a task that blocked it.
    #[allow(clippy::unused_self, reason = "all reports are methods")]
    pub(super) fn report_resumed(
        &self,
        task: u64,
        route: Option<&'static Route>,
        in_poll_for: Duration,
    ) {
        let event = NewEvent::new(EventType::Resumed).with_task(task);
        let event = event.with_route(route);
        events::publish(event.duration("in_poll_for", Some(in_poll_for)));
        log_resumed(Some(task), in_poll_for);
    }

    /// Writes the number of warnings that were left out, once the window of their source is over.
    pub(super) fn flush(&mut self, now: Instant) {
        for left_out in self.warnings.flush(now) {
            // The number takes the place of the only warning of the next window.
            self.warnings.is_due(left_out.key, left_out.of, now);
            warn_of_more(left_out.key, left_out.of, left_out.count);
        }
    }
}

fn log_resumed(task: Option<u64>, in_poll_for: Duration) {
    let in_poll_for_ms = millis(in_poll_for);
    log::write(move || {
        tracing::info!(
            target: "underscore",
            task,
            in_poll_for_ms,
            "a worker thread returned from the poll that blocked it"
        );
    });
}

/// An event about a worker that is or was blocked by untracked code.
fn of_untracked(event: NewEvent, stall: &UntrackedStall, in_poll_for: Duration) -> NewEvent {
    let thread = stall.thread.as_ref();
    event
        .flag("untracked", true)
        .number("runtime", stall.runtime.map(RuntimeNumber::get))
        .count("worker", stall.worker)
        .text("thread", thread.and_then(|thread| thread.name.as_deref()))
        .duration("in_poll_for", Some(in_poll_for))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn warn_of_task(task: Task, stalled: Stalled) {
    let Stalled {
        thread,
        in_poll_for,
    } = stalled;
    let kernel = thread.as_ref().and_then(|thread| thread.kernel_wait());
    // Read now: the task may have ended when the log thread writes the entry.
    let point = innermost(&task.found.frames());
    let name = |thread: &Arc<Thread>| thread.name.clone();
    let background = task.background();
    let mut event = NewEvent::new(EventType::Blocked)
        .with_task(task.found.id.number())
        .with_route(task.route())
        .text("name", background.map(|background| &*background.name))
        .text("where", point.map(ToString::to_string))
        .text("awaiting", point.map(AwaitPoint::source))
        .text("thread", thread.as_ref().and_then(name))
        .text("kernel_wait", kernel.as_deref())
        .duration("in_poll_for", Some(in_poll_for));
    if let Some(request) = task.request() {
        event = event.with_method(request.method());
    }
    events::publish(event);
    log::write(move || {
        let route = task.route();
        tracing::warn!(
            target: "underscore",
            task = task.found.id.number(),
            handler = route.map(|route| route.identity.declaration().handler),
            method = route.map(|route| tracing::field::display(&route.identity.method)),
            path = route.and_then(|route| route.identity.path.as_deref()),
            name = task.background().map(|background| field_text(&background.name)),
            after = point.map(tracing::field::display),
            function = point.map(AwaitPoint::function),
            awaiting = point.map(AwaitPoint::source),
            thread = thread.as_ref().and_then(|thread| thread.name.as_deref()),
            kernel = kernel.as_deref(),
            in_poll_for_ms = millis(in_poll_for),
            "a worker thread is blocked inside one poll; `after` is the last await that returned"
        );
    });
}

fn warn_of_untracked(stall: UntrackedStall, in_poll_for: Duration) {
    let kernel = stall.thread.as_ref().and_then(|it| it.kernel_wait());
    let event = of_untracked(NewEvent::new(EventType::Blocked), &stall, in_poll_for);
    events::publish(event.text("kernel_wait", kernel.as_deref()));
    let thread = stall.thread;
    let runtime = stall.runtime.map(RuntimeNumber::get);
    log::write(move || {
        tracing::warn!(
            target: "underscore",
            runtime,
            worker = stall.worker,
            thread = thread.as_ref().and_then(|thread| thread.name.as_deref()),
            kernel = kernel.as_deref(),
            in_poll_for_ms = millis(in_poll_for),
            "a worker thread is blocked by code that is not tracked: neither in an annotated handler \
             nor in `track` or `spawn`"
        );
    });
}

fn warn_of_more(source: Source, route: Option<&'static Route>, more: u64) {
    let untracked = matches!(source, Source::Untracked(_));
    let mut event = NewEvent::new(EventType::Blocked).with_route(route);
    if untracked {
        event = event.flag("untracked", true);
    }
    events::publish(event.number("more", Some(more)));
    log::write(move || {
        tracing::warn!(
            target: "underscore",
            more,
            untracked,
            handler = route.map(|route| route.identity.declaration().handler),
            method = route.map(|route| tracing::field::display(&route.identity.method)),
            path = route.and_then(|route| route.identity.path.as_deref()),
            "more polls blocked worker threads in the last {} seconds",
            RATE.window.as_secs(),
        );
    });
}
