//! Stand-in for a route, around the runtime's own statistics.

use axum::http::Method;

use crate::stats::RouteStats;

/// The part of a route that the files under test use.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) identity: RouteIdentity,
    pub(crate) stats: RouteStats,
}

#[derive(Debug)]
pub(crate) struct RouteIdentity {
    pub(crate) method: Method,
    pub(crate) path: Option<String>,
    declaration: Declaration,
}

impl RouteIdentity {
    pub(crate) fn declaration(&self) -> &Declaration {
        &self.declaration
    }

    #[allow(clippy::unused_self, reason = "the signature of the real identity")]
    pub(crate) fn is_of_layer(&self) -> bool {
        false
    }
}

#[derive(Debug)]
pub(crate) struct Declaration {
    pub(crate) handler: &'static str,
}

#[allow(clippy::unused_self, reason = "the signatures of the real route")]
impl Route {
    pub(crate) fn add_upgraded(&self) {}

    pub(crate) fn remove_upgraded(&self) {}
}

loom::lazy_static! {
    static ref ROUTE: Route = Route {
        identity: RouteIdentity {
            method: Method::GET,
            path: None,
            declaration: Declaration { handler: "models::handler" },
        },
        stats: RouteStats::new(),
    };
}

/// The route of every model, new in each run.
pub(crate) fn route() -> &'static Route {
    &ROUTE
}
