//! The route of a request: found among the mounts of its handler, or added by its first request.

use axum::extract::MatchedPath;
use axum::http::Method;

use super::entry::{HandlerEntry, SETTINGS_LOCK};
use super::layer_routes::persistent_at;
use super::link;
use super::log_levels;
use super::route::Route;
use crate::route::RouteIdentity;

impl HandlerEntry {
    /// The route of a request with `method` that a router matched to `path`. Added if it is new.
    #[inline]
    pub(crate) fn route_of(
        &'static self,
        method: &Method,
        path: Option<&MatchedPath>,
    ) -> &'static Route {
        match self.mounts.first() {
            // The first mount is nearly always the only one.
            Some(route) if route.identity.matches(method, path) => route,
            _ => self.route_matched(method, path),
        }
    }

    #[inline(never)]
    fn route_matched(&'static self, method: &Method, path: Option<&MatchedPath>) -> &'static Route {
        let method = self.declaration.listed_method(method);
        self.find_or_mount(&method, path.map(MatchedPath::as_str), path)
    }

    /// The route of a request that a layer has begun on `from`. That becomes a mount of this
    /// handler if it is the layer's own route for the same method and path.
    pub(crate) fn route_within(
        &'static self,
        from: &'static Route,
        method: &Method,
        path: Option<&MatchedPath>,
    ) -> &'static Route {
        let is_ours = std::ptr::eq(from.identity.declaration(), &raw const self.declaration);
        if is_ours && from.identity.matches(method, path) {
            return from;
        }
        let method = self.declaration.listed_method(method);
        let path_text = path.map(MatchedPath::as_str);
        if from.identity.is_of_layer() {
            self.adopt_or_mount(from, &method, path_text, path)
        } else {
            self.find_or_mount(&method, path_text, path)
        }
    }

    /// As [`route_within`](Self::route_within), for a handler that does not see the request.
    /// `None` if another handler is known to answer on `from`.
    pub(crate) fn route_within_kept(
        &'static self,
        from: &'static Route,
        method: Option<&Method>,
    ) -> Option<&'static Route> {
        let identity = &from.identity;
        if std::ptr::eq(identity.declaration(), &raw const self.declaration) {
            return Some(from);
        }
        if !identity.is_of_layer() {
            return None;
        }
        let method = self
            .declaration
            .listed_method(method.unwrap_or(&identity.method));
        let path = identity.path.as_deref();
        Some(self.adopt_or_mount(from, &method, path, identity.matched()))
    }

    #[cold]
    fn adopt_or_mount(
        &'static self,
        from: &'static Route,
        method: &Method,
        path: Option<&str>,
        matched: Option<&MatchedPath>,
    ) -> &'static Route {
        let lock = SETTINGS_LOCK.lock();
        let known = self
            .mounts
            .find(path, |route| route.identity.is(method, path));
        // Not the route of a nested service or of the unmatched, which has the requests of others.
        let is_same = from.identity.matched().is_some() && from.identity.is(method, path);
        if known.is_none() && is_same && self.adopt(from) {
            return from;
        }
        drop(lock);
        self.find_or_mount(method, path, matched)
    }

    #[cfg(test)]
    pub(crate) fn route(&'static self, method: &Method, path: Option<&str>) -> &'static Route {
        self.find_or_mount(&self.declaration.listed_method(method), path, None)
    }

    #[inline(never)]
    fn find_or_mount(
        &'static self,
        method: &Method,
        path: Option<&str>,
        matched: Option<&MatchedPath>,
    ) -> &'static Route {
        let find = || {
            self.mounts
                .find(path, |route| route.identity.is(method, path))
        };
        if let Some(route) = find() {
            return route;
        }
        let _lock = SETTINGS_LOCK.lock();
        // Checked again: another thread may have added it for a concurrent first request.
        find().unwrap_or_else(|| {
            // Never freed, like the handler's entry.
            let route = Box::leak(Box::new(self.new_route(
                method.clone(),
                path,
                matched.cloned(),
            )));
            self.add_mount(route);
            route
        })
    }

    /// Adds a new mount. The caller holds `SETTINGS_LOCK`.
    pub(super) fn add_mount(&'static self, route: &'static Route) {
        if self.mounts.first().is_none() {
            link::record_mount(self);
        }
        self.mounts.add(route);
        log_levels::route_added(route.log_level());
    }

    fn new_route(
        &'static self,
        method: Method,
        path: Option<&str>,
        matched: Option<MatchedPath>,
    ) -> Route {
        let reserve = |digits| self.mounts.reserve_digits(digits);
        let identity = RouteIdentity::new(&self.declaration, method, path, matched, reserve);
        let mut of_mounts = self.persistent_of_mounts.lock();
        let mut persistent = of_mounts.get(&identity.mount).cloned();
        if persistent.is_none()
            && let Some(at_place) = path.and_then(|path| persistent_at(&identity.method, path))
        {
            of_mounts.insert(identity.mount, at_place.clone());
            persistent = Some(at_place);
        }
        drop(of_mounts);
        Route::new(
            identity,
            persistent.unwrap_or_default(),
            &self.settings.lock(),
        )
    }
}
