//! The handlers of this binary with their ids, and the routes of each.

use std::collections::{BTreeMap, HashMap};

use super::entry::HandlerEntry;
use super::layer_routes::all_handlers;
use super::route::Route;
use crate::clock::Instant;
use crate::route::{Declaration, RouteId, stable_hash};
use crate::settings::Stored;

/// A handler with its id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListedHandler {
    pub(crate) id: u32,
    pub(crate) entry: &'static HandlerEntry,
}

/// A row of `_cat/routes`: a route that has had a request, or a handler that has not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RouteEntry {
    pub(crate) id: RouteId,
    pub(crate) handler: &'static HandlerEntry,
    pub(crate) route: Option<&'static Route>,
}

impl RouteEntry {
    /// The method of its requests, or the declared one before the first request.
    pub(crate) fn method(&self) -> Option<&'static str> {
        match self.route {
            Some(route) => Some(route.identity.method.as_str()),
            None => self.handler.declaration.method,
        }
    }

    /// The path that a router matched, or the declared one before the first request.
    pub(crate) fn path(&self) -> Option<&'static str> {
        match self.route {
            Some(route) => route.identity.path.as_deref(),
            None => self.handler.declaration.path,
        }
    }

    /// The declared method and path, as in `GET /once`. `None` if neither is declared.
    pub(crate) fn declared(&self) -> Option<String> {
        let Declaration { method, path, .. } = self.handler.declaration;
        let declared: Vec<&str> = [method, path].into_iter().flatten().collect();
        (!declared.is_empty()).then(|| declared.join(" "))
    }

    /// The keys whose transient values expire, as in [`Stored::expiries_on_route`].
    pub(crate) fn transient_expiries(&self) -> BTreeMap<&'static str, Instant> {
        match self.route {
            Some(route) => route.transient_expiries(&self.handler.settings),
            None => Stored::new().expiries_on_route(&self.handler.settings.lock()),
        }
    }

    /// True if requests arrived at the declared method and path. `None` if there were none, or
    /// neither is declared.
    pub(crate) fn is_as_declared(&self) -> Option<bool> {
        let identity = &self.route?.identity;
        let Declaration { method, path, .. } = self.handler.declaration;
        let method = method.map(|method| method == "ANY" || method == identity.method.as_str());
        let path = path.map(|path| identity.path.as_deref() == Some(path));
        [method, path].into_iter().flatten().reduce(|a, b| a && b)
    }
}

/// One entry per mount of each handler, or one for a handler that has none.
pub(crate) fn entries() -> Vec<RouteEntry> {
    handlers()
        .into_iter()
        .filter(|handler| handler.entry.is_listed())
        .flat_map(ListedHandler::entries)
        .collect()
}

/// The number of entries.
pub(crate) fn entry_count() -> usize {
    let of_handler = |handler: &'static HandlerEntry| handler.routes().count().max(1);
    let listed = all_handlers().into_iter().filter(|entry| entry.is_listed());
    listed.map(of_handler).sum()
}

/// Returns a function from a route to its current id.
pub(crate) fn ids() -> impl Fn(&Route) -> Option<RouteId> {
    let handlers: HashMap<*const Declaration, ListedHandler> = handlers()
        .into_iter()
        .map(|handler| (std::ptr::from_ref(&handler.entry.declaration), handler))
        .collect();
    move |route| {
        let handler = handlers.get(&std::ptr::from_ref(route.identity.declaration()))?;
        Some(handler.route_id(route))
    }
}

/// All handlers with their ids.
///
/// An id is the hash of the handler's path. If two handlers share it, because they are defined in
/// two function bodies or because their paths collide, each gets the hash of path and position.
pub(crate) fn handlers() -> Vec<ListedHandler> {
    let entries = all_handlers();
    let mut sharing: HashMap<u32, u32> = HashMap::with_capacity(entries.len());
    for entry in &entries {
        let handlers = sharing.entry(entry.hash_of_path()).or_default();
        *handlers = handlers.saturating_add(1);
    }
    entries
        .into_iter()
        .map(|entry| {
            let id = entry.hash_of_path();
            let id = match sharing.get(&id) {
                Some(1) => id,
                _ => hash_of_position(entry),
            };
            ListedHandler { id, entry }
        })
        .collect()
}

impl HandlerEntry {
    /// False for a layer's route without requests and settings: of requests with a method that its
    /// path does not allow, which count elsewhere.
    fn is_listed(&'static self) -> bool {
        let is_used = |route: &Route| {
            route.stats.snapshot().total() > 0
                || route.upgraded() > 0
                || !route.settings.lock().is_empty()
        };
        self.declaration.layer.is_none()
            || !self.settings.lock().is_empty()
            || self.routes().any(is_used)
    }
}

impl ListedHandler {
    fn entries(self) -> impl Iterator<Item = RouteEntry> {
        let mut mounted = self.entry.routes().map(Some).peekable();
        let unmounted = mounted.peek().is_none().then_some(None);
        mounted.chain(unmounted).map(move |route| RouteEntry {
            id: route.map_or_else(|| self.short_id(), |route| self.route_id(route)),
            handler: self.entry,
            route,
        })
    }

    fn short_id(self) -> RouteId {
        RouteId {
            handler: self.id,
            mount: None,
        }
    }

    fn route_id(self, route: &Route) -> RouteId {
        let has_several = self.entry.routes().nth(1).is_some();
        RouteId {
            handler: self.id,
            mount: has_several.then_some(route.identity.mount),
        }
    }
}

fn hash_of_position(entry: &HandlerEntry) -> u32 {
    let text = entry.declaration.id_text();
    let Declaration {
        file, line, column, ..
    } = entry.declaration;
    stable_hash(&[format!("{text}@{file}:{line}:{column}").as_bytes()])
}
