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
    seen: Seen,
    /// Held while a route is added to `seen`.
    adding: Mutex<()>,
}

/// The routes of the endpoint, that of its first request first. More than one if the service is for
/// several methods, or nested at several paths. It only grows, and is read without a lock.
#[derive(Default)]
struct Seen(OnceLock<Box<(Visited, Seen)>>);

/// A route of the endpoint.
struct Visited {
    known: Arc<Known>,
    /// The place of an unmatched request.
    unmatched: Option<Unmatched>,
}

/// An unmatched request: only its service tells whether it is for a nested service, so the prefix
/// is looked up once for each.
struct Unmatched {
    nested_in: Option<Box<str>>,
    /// The listed method if it is for a nested service.
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
    /// Held while the route may be the layer's own. Not set if the attribute of a handler declares
    /// the place, unless another endpoint turns out to lead to that handler.
    of_layer: OnceLock<LayerRouteUse>,
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
            seen: Seen::default(),
            adding: Mutex::default(),
        }))
    }

    /// The route of a request with `method` and these extensions.
    #[inline]
    pub(super) fn find(&self, method: &Method, extensions: &Extensions) -> Found {
        let path = extensions.get::<MatchedPath>();
        if let Some(first) = self.0.seen.0.get()
            && first.0.is_at(method, path, extensions)
        {
            first.0.known.found()
        } else {
            self.find_other(method, path, extensions)
        }
    }

    #[inline(never)]
    fn find_other(
        &self,
        method: &Method,
        path: Option<&MatchedPath>,
        extensions: &Extensions,
    ) -> Found {
        let method = &listed_method(method, None);
        let seen = || {
            let mut seen = self.0.seen.iter();
            seen.find(|visited| visited.is_at(method, path, extensions))
        };
        if let Some(visited) = seen() {
            return visited.known.found();
        }
        // Not under the lock, because it clones values of the host.
        let new = match path {
            Some(path) => Visited {
                known: self.matched(method, path),
                unmatched: None,
            },
            None => self.unmatched(method, extensions),
        };
        let found = new.known.found();
        let _adding = self.0.adding.lock();
        // Checked again: another thread may have added it. A handler that declares HEAD is no route
        // of the listed method, and is found with the layer each time.
        if seen().is_none() && new.is_at(method, path, extensions) {
            self.0.seen.add(new);
        }
        found
    }

    fn matched(&self, method: &Method, path: &MatchedPath) -> Arc<Known> {
        let listed = listed_method(method, None);
        let place = Place::Matched(listed, path.as_str().into());
        self.0.layer.known_at(place, |name| {
            if let Some(route) = declared(method, path) {
                return Known::new(name, route, true, OnceLock::new());
            }
            let of_layer = LayerRouteUse::at(method, path.as_str(), Some(path));
            Known::new(name, of_layer.route(), true, of_layer.into())
        })
    }

    fn unmatched(&self, method: &Method, extensions: &Extensions) -> Visited {
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
            Known::new(name, of_layer.route(), false, of_layer.into())
        });
        Visited {
            known,
            unmatched: Some(Unmatched {
                nested_in: nested_in.map(|path| path.as_str().into()),
                method: prefix.is_some().then(|| method.clone()),
            }),
        }
    }
}

impl Seen {
    fn iter(&self) -> impl Iterator<Item = &Visited> {
        let links = std::iter::successors(self.0.get(), |link| link.1.0.get());
        links.map(|link| &link.0)
    }

    /// Called by one thread at a time.
    fn add(&self, visited: Visited) {
        let mut last = self;
        while let Some(link) = last.0.get() {
            last = &link.1;
        }
        last.0.get_or_init(|| Box::new((visited, Seen::default())));
    }
}

impl Visited {
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
        of_layer: OnceLock<LayerRouteUse>,
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
        // Acquire: pairs with `learn`, whose route is then found.
        let is_learned = self.is_learned.load(Ordering::Acquire);
        Found {
            route: if is_learned {
                self.route.load()
            } else {
                self.unlearned_route()
            },
            unlearned: (!is_learned).then(|| Arc::clone(self)),
        }
    }

    /// The route while no request has reached a handler: the layer's own, or that of the handler
    /// whose attribute declares the place.
    #[inline]
    fn unlearned_route(&self) -> &'static Route {
        let route = self.route.load();
        if self.of_layer.get().is_some() || !route.is_reached_through_layer() {
            return route;
        }
        let place = &route.identity;
        let path = place.path.as_deref().unwrap_or_default();
        let own = self
            .of_layer
            .get_or_init(|| LayerRouteUse::at(&place.method, path, place.matched()));
        self.route.store(own.route());
        own.route()
    }

    /// Learns that a request has reached a handler on `route`. Later requests begin there, unless
    /// the layer does not see their paths: then another may reach another handler.
    #[cold]
    pub(super) fn learn(&self, route: &'static Route) {
        let is_same_path = || route.identity.path == self.route.load().identity.path;
        if self.is_matched && is_same_path() && !self.is_learned.load(Ordering::Relaxed) {
            route.set_reached_through_layer();
            self.route.store(route);
            // Release: pairs with `found`.
            self.is_learned.store(true, Ordering::Release);
        }
    }

    /// True if a router has matched the path, and no request has ended on the layer's own route for
    /// it: if a request is refused for its method, the router has no such route. Otherwise clients
    /// could add routes.
    #[cold]
    pub(super) fn is_unused(&self) -> bool {
        let is_unused = |own: &LayerRouteUse| own.route().stats.snapshot().ended.total() == 0;
        self.is_matched && self.of_layer.get().is_some_and(is_unused)
    }

    /// The route of unmatched requests.
    #[cold]
    pub(super) fn unmatched(&self) -> &'static Route {
        LayerRouteUse::named(self.name).route()
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::ready;
    use std::task::{Context, Waker};

    use axum::Router;
    use axum::body::Body;
    use axum::extract::Request;
    use axum::http::Uri;
    use axum::response::Response;
    use tower::service_fn;
    use tower_service::Service;

    #[test]
    fn methods_of_clients_add_no_routes_of_a_nested_service() {
        let endpoint = Endpoint::new(&LayerEndpoints::new("endpoint.tests"));
        let nested = {
            let endpoint = endpoint.clone();
            service_fn(move |request: Request| {
                endpoint.find(request.method(), request.extensions());
                ready(Ok::<_, std::convert::Infallible>(Response::new(
                    Body::empty(),
                )))
            })
        };
        let mut app: Router = Router::new().nest_service("/endpoint/tests", nested);
        for method in ["GET", "HEAD", "GET", "PROPFIND", "MKCOL", "LOCK", "POST"] {
            let mut request = Request::new(Body::empty());
            *request.method_mut() = method.parse().expect("a method");
            *request.uri_mut() = Uri::from_static("/endpoint/tests/x");
            let mut call = Box::pin(app.call(request));
            let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_ready());
        }
        // GET, OTHER and POST.
        assert_eq!(endpoint.0.seen.iter().count(), 3);
    }
}
