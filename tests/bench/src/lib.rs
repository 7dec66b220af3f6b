//! What the benchmarks share: handlers in pairs, the peers, a request by hand, rounds that take turns.

pub mod handlers;
#[cfg(feature = "peers")]
mod peers;
pub mod request;
pub mod rounds;

use std::time::Duration;

use axum::Router;

/// One way to serve what the others in its group serve as well.
pub struct Contender {
    /// Its name in the results and on the command line.
    pub who: &'static str,
    pub app: Router,
}

/// Contenders that are measured in turns; the first is the plain one, with which the others are compared.
pub struct Group {
    /// Its name on the command line.
    pub key: &'static str,
    /// What one unit is.
    pub what: &'static str,
    /// Calls of each contender in a round.
    pub calls: u32,
    /// Units in one call.
    pub units: u32,
    pub request: fn() -> axum::extract::Request,
    pub contenders: Vec<Contender>,
}

/// The admin side as a service has it: the clock is calibrated and the sampler runs for as long as
/// the router is kept.
pub fn admin() -> Router {
    let router = underscore_runtime::admin_router();
    // The calibration takes up to 200 ms, if its thread gets them.
    std::thread::sleep(Duration::from_millis(500));
    router
}

/// All that is measured in one process without a socket.
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

/// The groups without the peers.
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
    ]
}
