//! Shared by the benchmarks: pairs of handlers, other crates, requests by hand, alternating rounds.

pub mod handlers;
#[cfg(feature = "peers")]
mod peers;
pub mod request;
pub mod rounds;

#[cfg(feature = "admin")]
use std::time::Duration;

use axum::Router;

/// One of several equivalent ways to serve a request.
pub struct Contender {
    /// Name in the results and on the command line.
    pub who: &'static str,
    pub app: Router,
}

/// Contenders measured in turns; the first is the plain one, the reference for the others.
pub struct Group {
    /// Name on the command line.
    pub key: &'static str,
    /// Name of a unit.
    pub what: &'static str,
    /// Calls of each contender per round.
    pub calls: u32,
    /// Units per call.
    pub units: u32,
    pub request: fn() -> axum::extract::Request,
    pub contenders: Vec<Contender>,
}

/// The admin API as in a service: the clock is calibrated, and the sampler runs while the router
/// exists.
#[cfg(feature = "admin")]
pub fn admin() -> Option<Router> {
    let router = underscore_runtime::admin_router();
    // The calibration takes up to 200 ms if its thread is scheduled.
    std::thread::sleep(Duration::from_millis(500));
    Some(router)
}

/// There is none without the feature `admin`.
#[cfg(not(feature = "admin"))]
pub fn admin() -> Option<Router> {
    None
}

/// All groups, measured in one process without a socket.
pub fn groups() -> Vec<Group> {
    #[allow(unused_mut, reason = "it is without the peers")]
    let mut groups = pairs();
    #[cfg(feature = "peers")]
    for group in &mut groups {
        group.contenders.extend(match group.key {
            "request" => peers::of_a_request(),
            "poll" => peers::of_a_poll(),
            "step" => peers::of_a_step(),
            _ => Vec::new(),
        });
    }
    groups
}

/// The groups without other crates.
pub fn pairs() -> Vec<Group> {
    vec![
        Group {
            key: "request",
            what: "a request, no argument",
            calls: 2_000,
            units: 1,
            request: request::bare,
            contenders: handlers::trio(handlers::plain, handlers::annotated),
        },
        Group {
            key: "state",
            what: "a request, one State",
            calls: 2_000,
            units: 1,
            request: request::bare,
            contenders: handlers::with_state(),
        },
        Group {
            key: "typical",
            what: "a request, an argument from the path, nine headers of which three are kept",
            calls: 1_000,
            units: 1,
            request: request::typical,
            contenders: handlers::typical(),
        },
        Group {
            key: "poll",
            what: "a further poll of one await",
            calls: 10,
            units: handlers::POLLS,
            request: request::bare,
            contenders: handlers::trio(handlers::plain_poll, handlers::annotated_poll),
        },
        Group {
            key: "step",
            what: "a further poll, each time of another await",
            calls: 10,
            units: handlers::POLLS,
            request: request::bare,
            contenders: handlers::trio(handlers::plain_step, handlers::annotated_step),
        },
        Group {
            key: "guard",
            what: "a lock that is held over a pending await",
            calls: 10,
            units: handlers::POLLS,
            request: request::bare,
            contenders: handlers::trio(handlers::plain_guard, handlers::annotated_guard),
        },
        Group {
            key: "value",
            what: "a `String` of an await that is kept over a pending one",
            calls: 10,
            units: handlers::POLLS,
            request: request::bare,
            contenders: handlers::trio(handlers::plain_value, handlers::annotated_value),
        },
        Group {
            key: "brief",
            what: "a lock that is released before the pending await",
            calls: 10,
            units: handlers::POLLS,
            request: request::bare,
            contenders: handlers::trio(handlers::plain_brief, handlers::annotated_brief),
        },
    ]
}
