//! The table of all handlers of this binary, with their ids, and the routes of each. Where the handlers come from
//! is in `route::linked`.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Instant;
use crate::route::linked::descriptors;
use crate::route::{HandlerEntry, Route, RouteId, SETTINGS_LOCK, stable_hash};

/// A handler with its id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handler {
    pub(crate) id: u32,
    pub(crate) descriptor: &'static HandlerEntry,
}

/// A row of `_cat/routes`: a route that has had a request, or a handler that has not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RouteEntry {
    pub(crate) id: RouteId,
    pub(crate) descriptor: &'static HandlerEntry,
    pub(crate) route: Option<&'static Route>,
}

impl RouteEntry {
    /// The method that requests came with, or the one in the attribute.
    pub(crate) fn method(&self) -> Option<&'static str> {
        match self.route {
            Some(route) => Some(route.method.as_str()),
            None => self.descriptor.method,
        }
    }

    /// The path that a router matched, or the one in the attribute.
    pub(crate) fn path(&self) -> Option<&'static str> {
        match self.route {
            Some(route) => route.path.as_deref(),
            None => self.descriptor.path,
        }
    }

    /// What the attribute says, as far as it says anything: `GET /once`.
    pub(crate) fn declared(&self) -> Option<String> {
        let HandlerEntry { method, path, .. } = self.descriptor;
        let said: Vec<&str> = [*method, *path].into_iter().flatten().collect();
        (!said.is_empty()).then(|| said.join(" "))
    }

    /// Whether a router brought requests at what the attribute says; nothing if none did, or it says nothing.
    pub(crate) fn is_as_declared(&self) -> Option<bool> {
        let route = self.route?;
        let HandlerEntry { method, path, .. } = self.descriptor;
        let method = method.map(|method| method == "ANY" || method == route.method.as_str());
        let path = path.map(|path| route.path.as_deref() == Some(path));
        [method, path].into_iter().flatten().reduce(|a, b| a && b)
    }
}

/// All handlers, and one entry per mount of each, or one where it has none.
pub(crate) fn entries() -> Vec<RouteEntry> {
    handlers().into_iter().flat_map(Handler::entries).collect()
}

/// The number of entries.
pub(crate) fn entry_count() -> usize {
    let of_handler = |descriptor: &'static HandlerEntry| descriptor.routes().count().max(1);
    descriptors().into_iter().map(of_handler).sum()
}

/// The id of a route as it is shown now.
pub(crate) fn ids() -> impl Fn(&Route) -> Option<RouteId> {
    let handlers: HashMap<*const HandlerEntry, Handler> = handlers()
        .into_iter()
        .map(|handler| (address(handler.descriptor), handler))
        .collect();
    move |route| {
        let handler = handlers.get(&address(route.descriptor))?;
        Some(handler.route_id(route))
    }
}

/// When the first setting expires: nobody looks at all routes before. `u64::MAX` while none does.
static NEXT_EXPIRY: AtomicU64 = AtomicU64::new(u64::MAX);

/// Told of a handler whose settings have expired, and of their keys.
static EXPIRED: OnceLock<fn(&HandlerEntry, &str)> = OnceLock::new();

/// Has `told` called for each handler whose settings expire. The first one stands.
pub(crate) fn on_expiry(told: fn(&HandlerEntry, &str)) {
    EXPIRED.get_or_init(|| told);
}

/// Notes that a setting expires at this moment.
pub(crate) fn note_expiry(at: Instant) {
    // Relaxed: a look that comes too early finds it the next time.
    NEXT_EXPIRY.fetch_min(at.nanos(), Ordering::Relaxed);
}

/// Undoes the settings that have expired. To be called often: it costs one load as long as none has.
pub(crate) fn expire_settings(now: Instant) {
    if NEXT_EXPIRY.load(Ordering::Relaxed) > now.nanos() {
        return;
    }
    let _changing = SETTINGS_LOCK.lock();
    NEXT_EXPIRY.store(u64::MAX, Ordering::Relaxed);
    for descriptor in descriptors() {
        let places = descriptor.routes().map(|route| &route.settings);
        let mut expired = Vec::new();
        for place in places.chain([&descriptor.settings]) {
            let mut stored = place.lock();
            expired.extend(stored.expire(now));
            if let Some(next) = stored.next_expiry() {
                note_expiry(next);
            }
        }
        // A change of all of a handler's mounts is one with each of them.
        expired.sort_unstable();
        expired.dedup();
        if !expired.is_empty() {
            descriptor.apply();
            if let Some(told) = EXPIRED.get() {
                told(descriptor, &expired.join(", "));
            }
        }
    }
}

/// All handlers with their ids.
///
/// An id is the hash of the handler's path. Where two handlers share it, because they stand in two
/// function bodies or because two paths have one hash, each gets the hash of path and place.
pub(crate) fn handlers() -> Vec<Handler> {
    let descriptors = descriptors();
    let by_path = |descriptor: &HandlerEntry| stable_hash(&[descriptor.handler.as_bytes()]);
    let mut sharing: HashMap<u32, u32> = HashMap::with_capacity(descriptors.len());
    for descriptor in &descriptors {
        let handlers = sharing.entry(by_path(descriptor)).or_default();
        *handlers = handlers.saturating_add(1);
    }
    descriptors
        .into_iter()
        .map(|descriptor| {
            let id = by_path(descriptor);
            let id = match sharing.get(&id) {
                Some(1) => id,
                _ => by_place(descriptor),
            };
            Handler { id, descriptor }
        })
        .collect()
}

impl Handler {
    fn entries(self) -> impl Iterator<Item = RouteEntry> {
        let mut mounted = self.descriptor.routes().map(Some).peekable();
        let unmounted = mounted.peek().is_none().then_some(None);
        mounted.chain(unmounted).map(move |route| RouteEntry {
            id: route.map_or_else(|| self.short_id(), |route| self.route_id(route)),
            descriptor: self.descriptor,
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
        let several = self.descriptor.routes().nth(1).is_some();
        RouteId {
            handler: self.id,
            mount: several.then_some(route.mount),
        }
    }
}

fn address(descriptor: &'static HandlerEntry) -> *const HandlerEntry {
    std::ptr::from_ref(descriptor)
}

fn by_place(descriptor: &HandlerEntry) -> u32 {
    let place = format!(
        "{}@{}:{}:{}",
        descriptor.handler, descriptor.file, descriptor.line, descriptor.column
    );
    stable_hash(&[place.as_bytes()])
}
