//! The routes of a layer's requests.
//!
//! `Router::layer` makes one service for each method and fallback of each path, so nearly all
//! requests of a service have the same route, which is looked up once. A router whose state is not
//! set makes its services again for each connection, or even for each request, so what is known of
//! a path is kept with the layer.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use axum::extract::{MatchedPath, NestedPath};
use axum::http::{Extensions, Method};

use super::prefix;
use crate::route::listed_method;
use crate::routes::{LayerRouteUse, Route, declared_at};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{AtomicCell, Mutex};

/// The routes of one layer, shared by all of its services.
#[derive(Clone)]
pub(in crate::instrument) struct LayerEndpoints(Arc<Shared>);

struct Shared {
    /// The name of the route of unmatched requests.
    name: &'static str,
    known: Mutex<HashMap<Place, Arc<Known>>>,
}

/// The requests of one service of a layer, and of its clones.
#[derive(Clone)]
pub(in crate::instrument) struct Endpoint(Arc<Inner>);

struct Inner {
    layer: LayerEndpoints,
    /// The route of its first request.
    first: OnceLock<First>,
}

struct First {
    known: Arc<Known>,
    /// The place of an unmatched request.
    unmatched: Option<Unmatched>,
}

/// An unmatched request: only its service tells whether it is for a nested service, so the prefix
/// is looked up once for each.
struct Unmatched {
    nested_in: Option<Box<str>>,
    /// The method if it is for a nested service.
    method: Option<Method>,
}

/// The place of a request in the router: two requests at the same place have the same route.
#[derive(PartialEq, Eq, Hash)]
enum Place {
    Matched(Method, Box<str>),
    NestedService(Method, Box<str>),
    Unmatched,
}

/// A route of the layer's requests.
pub(super) struct Known {
    /// The name of the route of unmatched requests.
    name: &'static str,
    route: AtomicCell<&'static Route>,
    /// True once a request of the route has reached its handler.
    is_learned: AtomicBool,
    /// True if its requests have a path of the router.
    is_matched: bool,
    /// Held while the route may be the layer's own.
    of_layer: Option<LayerRouteUse>,
}

/// The route of a request.
pub(super) struct Found {
    pub(super) route: &'static Route,
    /// The entry of the route if the layer has yet to learn whether a handler is behind it.
    pub(super) unlearned: Option<Arc<Known>>,
}

impl LayerEndpoints {
    pub(in crate::instrument) fn new(name: &'static str) -> Self {
        LayerEndpoints(Arc::new(Shared {
            name,
            known: Mutex::default(),
        }))
    }

    /// The entry of a place, added by its first request.
    fn known_at(&self, place: Place, new: impl FnOnce(&'static str) -> Known) -> Arc<Known> {
        if let Some(known) = self.0.known.lock().get(&place) {
            return Arc::clone(known);
        }
        // Not under the lock: it takes that of the settings.
        let new = Arc::new(new(self.0.name));
        Arc::clone(self.0.known.lock().entry(place).or_insert(new))
    }
}

impl Endpoint {
    pub(in crate::instrument) fn new(layer: &LayerEndpoints) -> Self {
        Endpoint(Arc::new(Inner {
            layer: layer.clone(),
            first: OnceLock::new(),
        }))
    }

    /// The route of a request with `method` and these extensions.
    #[inline]
    pub(super) fn find(&self, method: &Method, extensions: &Extensions) -> Found {
        let path = extensions.get::<MatchedPath>();
        if let Some(first) = self.0.first.get()
            && first.is_at(method, path, extensions)
        {
            first.known.found()
        } else {
            self.find_in_layer(method, path, extensions)
        }
    }

    #[cold]
    #[inline(never)]
    fn find_in_layer(
        &self,
        method: &Method,
        path: Option<&MatchedPath>,
        extensions: &Extensions,
    ) -> Found {
        let first = match path {
            Some(path) => First {
                known: self.matched(method, path),
                unmatched: None,
            },
            None => self.unmatched(method, extensions),
        };
        let found = first.known.found();
        // Kept by the first request only.
        let _ = self.0.first.set(first);
        found
    }

    fn matched(&self, method: &Method, path: &MatchedPath) -> Arc<Known> {
        let listed = listed_method(method, None);
        let place = Place::Matched(listed, path.as_str().into());
        self.0.layer.known_at(place, |name| {
            if let Some(route) = declared(method, path) {
                return Known::new(name, route, true, None);
            }
            let of_layer = LayerRouteUse::at(method, path.as_str(), Some(path));
            Known::new(name, of_layer.route(), true, Some(of_layer))
        })
    }

    fn unmatched(&self, method: &Method, extensions: &Extensions) -> First {
        let nested_in = extensions.get::<NestedPath>();
        let prefix = prefix::of_nested_service(extensions);
        let place = match &prefix {
            Some(prefix) => {
                Place::NestedService(listed_method(method, None), prefix.as_str().into())
            }
            None => Place::Unmatched,
        };
        let known = self.0.layer.known_at(place, |name| {
            let of_layer = match &prefix {
                Some(prefix) => LayerRouteUse::at(method, prefix, None),
                None => LayerRouteUse::named(name),
            };
            Known::new(name, of_layer.route(), false, Some(of_layer))
        });
        First {
            known,
            unmatched: Some(Unmatched {
                nested_in: nested_in.map(|path| path.as_str().into()),
                method: prefix.is_some().then(|| method.clone()),
            }),
        }
    }
}

impl First {
    /// True if it is the route of a request with this method and path.
    #[inline]
    fn is_at(&self, method: &Method, path: Option<&MatchedPath>, extensions: &Extensions) -> bool {
        match &self.unmatched {
            None => path.is_some() && self.known.route.load().identity.matches(method, path),
            Some(unmatched) => path.is_none() && unmatched.is_it(method, extensions),
        }
    }
}

impl Unmatched {
    fn is_it(&self, method: &Method, extensions: &Extensions) -> bool {
        let nested_in = extensions.get::<NestedPath>().map(NestedPath::as_str);
        self.method.as_ref().is_none_or(|own| own == method)
            && nested_in == self.nested_in.as_deref()
    }
}

impl fmt::Debug for LayerEndpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LayerEndpoints").field(&self.0.name).finish()
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
        route: &'static Route,
        is_matched: bool,
        of_layer: Option<LayerRouteUse>,
    ) -> Self {
        Known {
            name,
            route: AtomicCell::new(route),
            is_learned: AtomicBool::new(false),
            is_matched,
            of_layer,
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
        (self.is_matched && is_unused()).then(|| LayerRouteUse::named(self.name).route())
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
