//! Requests that wait at one await which nobody has passed for long: probably what they wait for
//! does not answer.
//!
//! Waiting is no fault by itself. A long poll waits for an event, and a report for its query. The
//! rule therefore compares the time with that of the route's earlier requests, and leaves awaits
//! alone that wait for events or for the client, unless the route has been fast for long. What
//! streams, and background work such as websockets and consumers of queues, is not looked at.

use std::collections::HashMap;
use std::time::Duration;

use super::look::Look;
use crate::clock::Instant;
use crate::health::finding::{Finding, Symptom};
use crate::health::names::awaiting;
use crate::health::traffic::{RouteTraffic, Traffic};
use crate::routes::Route;
use crate::sampling::{self, Waiting};
use crate::stack::AwaitPoint;
use crate::task::TaskId;

/// Minimum number of requests that wait.
const MIN_WAITING: usize = 3;

/// Minimum time after which a request counts as waiting.
const SETTLED: Duration = Duration::from_secs(1);

/// The time to wait on a route whose 99th percentile is at most [`QUICK`], by at least
/// [`MIN_QUICK`] requests of the last fifteen minutes.
const PATIENCE_IF_QUICK: Duration = Duration::from_secs(10);
const QUICK: Duration = Duration::from_secs(1);
const MIN_QUICK: u32 = 20;

/// The minimum time to wait on another route that has answered in the last fifteen minutes, and the
/// multiple of its 99th percentile.
const PATIENCE: Duration = Duration::from_secs(30);
const TIMES_P99: u32 = 4;

/// The time to wait on a route that has not answered, or takes longer than the percentile can tell,
/// and at an await for an event. Many clients of long polls leave after a minute or two.
const LONGEST_PATIENCE: Duration = Duration::from_secs(5 * 60);

/// Number of waiting requests from which on `last_passed` is trusted alone. The sampler misses
/// requests that pass within a millisecond, so with fewer ones, more than as many responses of the
/// route mean that the await was probably passed.
const MANY: usize = 30;

/// Maximum number of awaits that are remembered.
const MAX_CANDIDATES: usize = 1_024;

/// Calls whose purpose is to wait for an event or for the client, as they appear in the source.
const EVENTS: [&str; 12] = [
    ".accept(",
    ".changed(",
    ".chunk(",
    ".collect(",
    ".next(",
    ".next_field(",
    ".notified(",
    ".recv(",
    ".tick(",
    ".wait_for(",
    "pending",
    "to_bytes(",
];

/// Types of arguments that wait for the client to send the body.
const BODIES: [&str; 9] = [
    "Body",
    "Bytes",
    "Form<",
    "Json<",
    "Multipart",
    "Protobuf<",
    "RawForm",
    "Request",
    "String",
];

/// The awaits at which several requests wait, by the addresses of route and await.
#[derive(Debug, Default)]
pub(super) struct Candidates(HashMap<[usize; 2], Quiet>);

/// The time for which no request has passed, as far as it is known.
#[derive(Clone, Copy, Debug)]
struct Quiet {
    since: Instant,
    /// Number of responses of the route at that time.
    answered: u32,
    seen: Instant,
}

impl Candidates {
    pub(super) fn look(&mut self, look: &mut Look, traffic: &mut Traffic) {
        let now = look.now;
        let waiting = sampling::waiting(SETTLED, now).into_iter();
        for waiting in waiting.filter(|waiting| waiting.tasks.len() >= MIN_WAITING) {
            let traffic = traffic.refreshed(waiting.route, now);
            let Some(since) = self.quiet_since(&waiting, traffic, now) else {
                continue;
            };
            let Some(patience) = patience(waiting.route, waiting.point, traffic) else {
                continue;
            };
            let is_long = |(_, since): &&(TaskId, Instant)| now.since(*since) >= patience;
            let long = waiting.tasks.iter().filter(is_long).count();
            let is_stuck = long >= MIN_WAITING && now.since(since) >= patience;
            if is_stuck && !is_deadlocked(look, waiting.route) {
                look.found.push(finding(look, &waiting));
            }
        }
        self.0.retain(|_, quiet| quiet.seen == now);
    }

    /// Since when no request is known to have passed. `None` if there is no room.
    fn quiet_since(
        &mut self,
        waiting: &Waiting,
        traffic: Option<&RouteTraffic>,
        now: Instant,
    ) -> Option<Instant> {
        let answered = traffic.map_or(0, |traffic| traffic.total().answered());
        let key = key(waiting);
        if self.0.len() >= MAX_CANDIDATES && !self.0.contains_key(&key) {
            return None;
        }
        let quiet = self.0.entry(key).or_insert(Quiet {
            since: now,
            answered,
            seen: now,
        });
        quiet.seen = now;
        let count = waiting.tasks.len();
        let more = answered.wrapping_sub(quiet.answered);
        let is_trusted = waiting.point.is_some() && count >= MANY;
        let may_have_passed = !is_trusted && usize::try_from(more).is_ok_and(|more| more > count);
        if may_have_passed || waiting.last_passed > Some(quiet.since) {
            (quiet.since, quiet.answered) = (now, answered);
        }
        Some(quiet.since)
    }
}

/// True if a deadlock is found on the route, which says more.
fn is_deadlocked(look: &Look, route: &'static Route) -> bool {
    let deadlocks = look.found.iter();
    let mut deadlocks = deadlocks.filter(|found| found.symptom() == Symptom::Deadlock);
    deadlocks.any(|found| found.routes.iter().any(|its| std::ptr::eq(*its, route)))
}

fn key(waiting: &Waiting) -> [usize; 2] {
    let point = waiting.point.map_or(0, AwaitPoint::address);
    [waiting.route.address(), point]
}

/// The time that requests may wait. `None` for as long as they want.
fn patience(
    route: &'static Route,
    point: Option<&'static AwaitPoint>,
    traffic: Option<&RouteTraffic>,
) -> Option<Duration> {
    let before = traffic.map(RouteTraffic::all);
    let before = before.filter(|before| before.answered() > 0);
    let is_event = point.is_some_and(|point| awaits_event(route, point));
    let patience = match before {
        None if is_event || point.is_none() => return None,
        None => LONGEST_PATIENCE,
        Some(before) => match before.p99() {
            Some(p99) if is_event => p99.saturating_mul(TIMES_P99).max(LONGEST_PATIENCE),
            Some(p99) if p99 <= QUICK && before.answered() >= MIN_QUICK => PATIENCE_IF_QUICK,
            Some(p99) => p99.saturating_mul(TIMES_P99).max(PATIENCE),
            None => LONGEST_PATIENCE,
        },
    };
    // They wait for that, too.
    let delay = route.effective().and_then(|settings| settings.delay);
    Some(patience.saturating_add(delay.unwrap_or_default()))
}

/// True for an await that ends with an event, or when the client sends more.
fn awaits_event(route: &'static Route, point: &'static AwaitPoint) -> bool {
    let source = point.source();
    let arguments = route.identity.declaration().arguments;
    if arguments
        .iter()
        .any(|argument| std::ptr::eq(argument, point))
    {
        return BODIES.iter().any(|body| source.contains(body));
    }
    EVENTS.iter().any(|event| source.contains(event))
}

fn finding(look: &Look, waiting: &Waiting) -> Finding {
    let Waiting { route, point, .. } = *waiting;
    let count = waiting.tasks.len();
    let at_least = if sampling::is_full() { "at least " } else { "" };
    let place = match point {
        Some(point) => format!("at {}, none has passed since", awaiting(point)),
        None => "at an await that is not known: no annotated function is around it".to_owned(),
    };
    let evidence =
        format!("{at_least}{count} wait {place}; probably what they wait for does not answer");
    let first = waiting.tasks.iter().map(|(_, since)| *since).min();
    let since = first.max(waiting.last_passed).unwrap_or(look.now);
    let tasks: Vec<TaskId> = waiting.tasks.iter().map(|(task, _)| *task).collect();
    let next = ("GET /_cat/stacks/", "?v");
    Finding::new(
        Symptom::Stuck,
        key(waiting),
        &look.names.shown(route),
        since,
    )
    .with_evidence(&evidence)
    .with_next(look.names.request(route, next, "GET /_cat/stacks?v"))
    .with_affected(count, &tasks)
    .with_routes(&[route])
}

#[cfg(test)]
mod tests {
    use axum::http::Method;

    use super::*;
    use crate::health::traffic::tests::{answers, played};
    use crate::routes::HandlerEntry;

    const fn point(source: &'static str) -> AwaitPoint {
        AwaitPoint::new("m::f", "f.rs", 1, 1, source)
    }

    static ARGUMENTS: [AwaitPoint; 2] = [
        point("State(app): State<App>"),
        point("Json(order): Json<Order>"),
    ];
    static ENTRY: HandlerEntry =
        HandlerEntry::new("test::stuck", file!(), line!(), column!()).arguments(&ARGUMENTS);

    /// Holds 14.12 of docs/admin-api.md.
    #[test]
    fn events_and_clients_are_told_by_the_source_of_the_await() {
        static EVENTS: [AwaitPoint; 3] = [
            point("timeout(LIMIT, events.recv())"),
            point("notify.notified()"),
            point("multipart.next_field()"),
        ];
        static OTHERS: [AwaitPoint; 3] = [
            point("pool.get()"),
            point("permits.acquire()"),
            point("client.get(url).send()"),
        ];
        let route = ENTRY.route_of(&Method::GET, None);
        for event in EVENTS.iter().chain([&ARGUMENTS[1]]) {
            assert!(awaits_event(route, event), "{}", event.source());
        }
        for other in OTHERS.iter().chain([&ARGUMENTS[0]]) {
            assert!(!awaits_event(route, other), "{}", other.source());
        }
    }

    /// Holds 14.11, 14.12 of docs/admin-api.md.
    #[test]
    fn the_patience_depends_on_the_past_of_the_route() {
        static POOL: AwaitPoint = point("pool.get()");
        static EVENT: AwaitPoint = point("events.recv()");
        let route = ENTRY.route_of(&Method::GET, None);
        // Bounds: 0 is 5 ms, 11 is 5 s, 13 is 10 s, and 14 is above.
        let after = |point, times: Option<(usize, u32)>| {
            let traffic = times.map(|times| played(&[answers(&[times])]));
            patience(route, point, traffic.as_ref()).map(|patience| patience.as_secs())
        };
        assert_eq!(after(Some(&POOL), Some((0, 20))), Some(10));
        assert_eq!(after(Some(&POOL), Some((0, 19))), Some(30));
        assert_eq!(after(Some(&POOL), Some((13, 100))), Some(40));
        assert_eq!(after(Some(&POOL), Some((14, 100))), Some(300));
        assert_eq!(after(Some(&POOL), None), Some(300));
        assert_eq!(after(None, Some((0, 20))), Some(10));
        assert_eq!(after(None, None), None);
        assert_eq!(after(Some(&EVENT), Some((0, 20))), Some(300));
        assert_eq!(after(Some(&EVENT), None), None);
    }
}
