//! The route of a request: found among the mounts of its handler, or added by its first request.

use axum::extract::MatchedPath;
use axum::http::Method;

use super::entry::{HandlerEntry, SETTINGS_LOCK};
use super::link;
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
            if self.mounts.first().is_none() {
                link::record_mount(self);
            }
            self.mounts
                .add(self.new_route(method.clone(), path, matched.cloned()))
        })
    }

    fn new_route(
        &'static self,
        method: Method,
        path: Option<&str>,
        matched: Option<MatchedPath>,
    ) -> Route {
        let reserve = |digits| self.mounts.reserve_digits(digits);
        let identity = RouteIdentity::new(&self.declaration, method, path, matched, reserve);
        let of_mounts = self.persistent_of_mounts.lock();
        let persistent = of_mounts.get(&identity.mount).cloned();
        drop(of_mounts);
        Route::new(
            identity,
            persistent.unwrap_or_default(),
            &self.settings.lock(),
        )
    }
}
