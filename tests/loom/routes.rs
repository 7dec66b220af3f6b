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

    pub(crate) fn is_of_layer(&self) -> bool {
        self.declaration.is_of_layer
    }
}

#[derive(Debug)]
pub(crate) struct Declaration {
    pub(crate) handler: &'static str,
    is_of_layer: bool,
}

#[allow(clippy::unused_self, reason = "the signatures of the real route")]
impl Route {
    fn new(handler: &'static str, path: Option<&str>) -> Self {
        Route {
            identity: RouteIdentity {
                method: Method::GET,
                path: path.map(str::to_owned),
                declaration: Declaration {
                    handler,
                    is_of_layer: path.is_none(),
                },
            },
            stats: RouteStats::new(),
        }
    }

    pub(crate) fn add_upgraded(&self) {}

    pub(crate) fn remove_upgraded(&self) {}
}

loom::lazy_static! {
    static ref ROUTE: Route = Route::new("models::handler", Some("/handler"));
    static ref OF_LAYER: Route = Route::new("-", None);
}

/// The route of nearly every model, new in each run.
pub(crate) fn route() -> &'static Route {
    &ROUTE
}

/// The route of a layer for requests whose handler it does not know, new in each run.
pub(crate) fn of_layer() -> &'static Route {
    &OF_LAYER
}
