//! The stand-in for a route, around the runtime's own statistics.

use axum::http::Method;

use crate::stats::RouteStats;

/// The part of a route that the files under test touch.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: Option<String>,
    pub(crate) descriptor: Descriptor,
    pub(crate) stats: RouteStats,
}

#[allow(clippy::unused_self, reason = "the signatures of the real route")]
impl Route {
    pub(crate) fn add_upgraded(&self) {}

    pub(crate) fn remove_upgraded(&self) {}
}

#[derive(Debug)]
pub(crate) struct Descriptor {
    pub(crate) handler: &'static str,
}

loom::lazy_static! {
    static ref ROUTE: Route = Route {
        method: Method::GET,
        path: None,
        descriptor: Descriptor { handler: "models::handler" },
        stats: RouteStats::new(),
    };
}

/// The one of all models, a new one in each run.
pub(crate) fn route() -> &'static Route {
    &ROUTE
}
