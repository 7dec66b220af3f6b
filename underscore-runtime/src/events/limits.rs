//! Limits of the events that a client can cause: a storm of them is a few events and a number.

use std::time::Duration;

use super::event::{EventType, NewEvent};
use super::publish::publish;
use crate::clock::Instant;
use crate::routes::Route;
use crate::sync::Mutex;
use crate::throttle::{Rate, Throttle, largest};

/// As many ends of a route and of all routes as there are log entries about slow requests.
const RATE: Rate = Rate {
    window: Duration::from_secs(1),
    of_key: 10,
    of_all: 100,
};

/// Maximum number of routes and users of which the number of further events is published.
const MAX_COUNTED: usize = 10;

/// Ends of requests, by the address of the route.
static ENDS: Mutex<Throttle<usize, &'static Route>> = Mutex::new(Throttle::new(RATE));

/// Refused calls, by user.
static REFUSALS: Mutex<Throttle<Option<u32>, ()>> = Mutex::new(Throttle::new(RATE));

/// True if an end of a request is to be published. Otherwise it is counted.
pub(crate) fn is_end_due(route: &'static Route, now: Instant) -> bool {
    // One second for all routes, so that their numbers are compared when it is over.
    let second = now.before(now.subsec());
    ENDS.lock().is_due(route.address(), route, second)
}

/// True if a refused call of this user is to be published. Otherwise it is counted.
pub(crate) fn is_refusal_due(uid: Option<u32>, now: Instant) -> bool {
    let second = now.before(now.subsec());
    REFUSALS.lock().is_due(uid, (), second)
}

/// Publishes the numbers of a second that is over. Called by the background thread at each tick.
pub(crate) fn tick(now: Instant) {
    let ends = ENDS.lock().flush(now);
    let (ends, rest) = largest(ends, MAX_COUNTED);
    for left_out in ends {
        let more = NewEvent::new(EventType::Ended).with_route(Some(left_out.of));
        publish(more.number("more", Some(left_out.count)));
    }
    if rest > 0 {
        publish(NewEvent::new(EventType::Ended).number("more", Some(rest)));
    }
    let refusals = REFUSALS.lock().flush(now);
    let (refusals, rest) = largest(refusals, MAX_COUNTED);
    for left_out in refusals {
        let more = NewEvent::new(EventType::Audit).refused(true);
        let more = more.number("uid", left_out.key);
        publish(more.number("more", Some(left_out.count)));
    }
    if rest > 0 {
        let more = NewEvent::new(EventType::Audit).refused(true);
        publish(more.number("more", Some(rest)));
    }
}
