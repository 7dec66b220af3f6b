//! The service inside a layer as an endpoint of a router, and the routes of its requests.
//!
//! `Router::layer` makes one service for each method and fallback of each path, so nearly all
//! requests of a service have the same route, which is looked up once.

use std::fmt;
use std::sync::{Arc, OnceLock};

use axum::extract::{MatchedPath, NestedPath};
use axum::http::{Extensions, Method};

use super::prefix;
use crate::routes::{LayerRouteUse, Route, declared_at};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{AtomicCell, Mutex};

/// The requests of one service of a layer, and of its clones.
#[derive(Clone)]
pub(in crate::instrument) struct Endpoint(Arc<Inner>);

struct Inner {
    /// The name of the route of unmatched requests.
    name: &'static str,
    first: OnceLock<Arc<Known>>,
    /// Further routes: of other methods, and of a service that is nested at several paths.
    more: Mutex<Vec<Arc<Known>>>,
}

/// A route of the endpoint.
pub(super) struct Known {
    /// The name of the route of unmatched requests.
    name: &'static str,
    place: Place,
    route: AtomicCell<&'static Route>,
    /// True once a request of the route has reached its handler.
    is_learned: AtomicBool,
    /// Held while the route may be the layer's own.
    of_layer: Option<LayerRouteUse>,
}

/// The place of a request in the router.
enum Place {
    /// A path of a router.
    Matched,
    /// No path of a router, or a nested service; the method counts only for that.
    Unmatched {
        nested_in: Option<Box<str>>,
        method: Option<Method>,
    },
}

/// The route of a request.
pub(super) struct Found {
    pub(super) route: &'static Route,
    /// The endpoint's entry if the layer has yet to learn whether a handler is behind it.
    pub(super) unlearned: Option<Arc<Known>>,
}

impl Endpoint {
    pub(in crate::instrument) fn new(name: &'static str) -> Self {
        Endpoint(Arc::new(Inner {
            name,
            first: OnceLock::new(),
            more: Mutex::new(Vec::new()),
        }))
    }

    /// The route of a request with `method` and these extensions.
    #[inline]
    pub(super) fn find(&self, method: &Method, extensions: &Extensions) -> Found {
        let path = extensions.get::<MatchedPath>();
        if let Some(first) = self.0.first.get()
            && first.is_at(method, path, extensions)
        {
            first.found()
        } else {
            self.find_other(method, path, extensions)
        }
    }

    #[cold]
    #[inline(never)]
    fn find_other(
        &self,
        method: &Method,
        path: Option<&MatchedPath>,
        extensions: &Extensions,
    ) -> Found {
        let mut more = self.0.more.lock();
        let first = self.0.first.get();
        let mut known = first.into_iter().chain(&*more);
        if let Some(known) = known.find(|known| known.is_listed_at(method, path, extensions)) {
            return known.found();
        }
        let new = Arc::new(Known::new(self.0.name, method, path, extensions));
        let found = new.found();
        if let Err(new) = self.0.first.set(new) {
            more.push(new);
        }
        found
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").finish_non_exhaustive()
    }
}

impl Known {
    fn new(
        name: &'static str,
        method: &Method,
        path: Option<&MatchedPath>,
        extensions: &Extensions,
    ) -> Self {
        let Some(path) = path else {
            let nested_in = extensions.get::<NestedPath>();
            let prefix = prefix::of_nested_service(extensions);
            let place = Place::Unmatched {
                nested_in: nested_in.map(|path| path.as_str().into()),
                method: prefix.is_some().then(|| method.clone()),
            };
            let of_layer = match prefix {
                Some(prefix) => LayerRouteUse::at(method, &prefix, None),
                None => LayerRouteUse::named(name),
            };
            return Known::of_layer(name, place, of_layer);
        };
        match declared(method, path) {
            Some(route) => Known {
                name,
                place: Place::Matched,
                route: AtomicCell::new(route),
                is_learned: AtomicBool::new(false),
                of_layer: None,
            },
            None => Known::of_layer(
                name,
                Place::Matched,
                LayerRouteUse::at(method, path.as_str(), Some(path)),
            ),
        }
    }

    fn of_layer(name: &'static str, place: Place, of_layer: LayerRouteUse) -> Self {
        Known {
            name,
            place,
            route: AtomicCell::new(of_layer.route()),
            is_learned: AtomicBool::new(false),
            of_layer: Some(of_layer),
        }
    }

    /// True if it is the route of a request with this method and path.
    #[inline]
    fn is_at(&self, method: &Method, path: Option<&MatchedPath>, extensions: &Extensions) -> bool {
        match &self.place {
            Place::Matched => path.is_some() && self.route.load().identity.matches(method, path),
            Place::Unmatched {
                nested_in,
                method: own,
            } => {
                let nested = || extensions.get::<NestedPath>().map(NestedPath::as_str);
                path.is_none()
                    && own.as_ref().is_none_or(|own| own == method)
                    && nested() == nested_in.as_deref()
            }
        }
    }

    /// As [`is_at`](Self::is_at), with the method under which the request is listed.
    fn is_listed_at(
        &self,
        method: &Method,
        path: Option<&MatchedPath>,
        extensions: &Extensions,
    ) -> bool {
        let route = self.route.load();
        let listed = route.identity.declaration().listed_method(method);
        match self.place {
            Place::Matched => {
                let path = path.map(MatchedPath::as_str);
                path.is_some() && route.identity.is(&listed, path)
            }
            Place::Unmatched { .. } => self.is_at(method, path, extensions),
        }
    }

    #[inline]
    fn found(self: &Arc<Self>) -> Found {
        let is_learned = self.is_learned.load(Ordering::Relaxed);
        Found {
            route: self.route.load(),
            unlearned: (!is_learned).then(|| Arc::clone(self)),
        }
    }

    /// Learns that a request has reached a handler on `route`. Later requests begin there, unless
    /// the layer does not see their paths: then another may reach another handler.
    #[cold]
    pub(super) fn learn(&self, route: &'static Route) {
        let is_same_path = route.identity.path == self.route.load().identity.path;
        if is_same_path && !self.is_learned.load(Ordering::Relaxed) {
            route.set_reached_through_layer();
            self.route.store(route);
            self.is_learned.store(true, Ordering::Relaxed);
        }
    }

    /// The route for a request whose method its path does not allow: that of unmatched requests,
    /// unless the layer's own route has had other answers. Otherwise clients could add routes.
    /// `None` if it is not another one.
    #[cold]
    pub(super) fn not_allowed(&self) -> Option<&'static Route> {
        let own = self.of_layer.as_ref()?.route();
        let is_unused = || own.stats.snapshot().ended.total() == 0;
        let is_matched = matches!(self.place, Place::Matched);
        (is_matched && is_unused()).then(|| LayerRouteUse::named(self.name).route())
    }
}

/// The route of the handler whose attribute declares this method and path, unless another endpoint
/// is known to lead to it.
fn declared(method: &Method, path: &MatchedPath) -> Option<&'static Route> {
    let or_get = || (method == Method::HEAD).then(|| declared_at("GET", path.as_str()))?;
    let handler = declared_at(method.as_str(), path.as_str()).or_else(or_get)?;
    let route = handler.route_of(method, Some(path));
    (!route.is_reached_through_layer()).then_some(route)
}
