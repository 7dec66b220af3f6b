//! A handler as the attribute leaves it in the binary, and its routes: the mounts that routers brought
//! requests to. Which handlers there are, and what their ids are, is asked of `table`.

mod in_force;
#[cfg(feature = "admin")]
pub(crate) mod linked;
mod mounts;

use std::collections::BTreeMap;
use std::hash::Hasher;
use std::sync::Arc;

use axum::extract::MatchedPath;
use axum::http::Method;
use fnv::FnvHasher;
use linkme::distributed_slice;

use self::in_force::AppliedSettings;
use self::mounts::Mounts;
use crate::clock::Instant;
use crate::settings::{EffectiveSettings, RateLimit, Stored, Values};
use crate::stack::AwaitPoint;
use crate::stats::{Blocking, RouteStats};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering};

/// Every annotated handler of the binary, put here by the linker.
///
/// Linkers identify a slice by its name alone, so the name contains the crate and its version. A
/// second slice of the same name in the binary would share its section.
#[distributed_slice]
pub static UNDERSCORE_RUNTIME_0_1_0_ROUTES: [&'static HandlerEntry];

pub use self::UNDERSCORE_RUNTIME_0_1_0_ROUTES as ROUTES;

/// Held by whoever changes settings or adds a mount, so that a new mount starts with what was set
/// last, and a change reaches every mount. No request waits for it, but the first one of a mount.
pub(crate) static SETTINGS_LOCK: Mutex<()> = Mutex::new(());

/// What the attribute leaves in the binary for one handler.
///
/// Generated code makes one `static` of it per handler. The mounts hang on it, so that a request
/// finds its route from where it already is, without a map.
#[derive(Debug)]
pub struct HandlerEntry {
    /// `crate::module::function`.
    pub(crate) handler: &'static str,
    pub(crate) name: Option<&'static str>,
    /// The method in the attribute, as the tables show it.
    pub(crate) method: Option<&'static str>,
    pub(crate) path: Option<&'static str>,
    pub(crate) file: &'static str,
    pub(crate) line: u32,
    pub(crate) column: u32,
    /// The places of its arguments in the source.
    pub(crate) arguments: &'static [AwaitPoint],
    /// What is set for every mount of the handler.
    pub(crate) settings: Mutex<Stored>,
    /// What the settings file says of single mounts, by their digits: a mount that no request has come to yet
    /// is not there to keep it.
    pub(crate) persistent_of_mounts: Mutex<BTreeMap<u16, Values>>,
    mounts: Mounts,
}

impl HandlerEntry {
    /// A handler at a place in the source. Generated code is the only caller.
    pub const fn new(handler: &'static str, file: &'static str, line: u32, column: u32) -> Self {
        HandlerEntry {
            handler,
            name: None,
            method: None,
            path: None,
            file,
            line,
            column,
            arguments: &[],
            settings: Mutex::new(Stored::new()),
            persistent_of_mounts: Mutex::new(BTreeMap::new()),
            mounts: Mounts::new(),
        }
    }

    /// With the name in the attribute.
    #[must_use]
    pub const fn name(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// With the method in the attribute.
    #[must_use]
    pub const fn method(mut self, method: &'static str) -> Self {
        self.method = Some(method);
        self
    }

    /// With the path in the attribute.
    #[must_use]
    pub const fn path(mut self, path: &'static str) -> Self {
        self.path = Some(path);
        self
    }

    /// With its arguments: a request can be stuck at each.
    #[must_use]
    pub const fn arguments(mut self, arguments: &'static [AwaitPoint]) -> Self {
        self.arguments = arguments;
        self
    }

    /// The route of a request with `method` that a router matched to `path`; made if it is new.
    #[inline]
    pub(crate) fn route_of(
        &'static self,
        method: &Method,
        path: Option<&MatchedPath>,
    ) -> &'static Route {
        match self.mounts.first() {
            // The first mount is nearly always the only one.
            Some(route) if route.method == *method && route.is_at(path) => route,
            _ => self.route_matched(method, path),
        }
    }

    #[inline(never)]
    fn route_matched(&'static self, method: &Method, path: Option<&MatchedPath>) -> &'static Route {
        let method = self.listed_method(method);
        self.find_or_mount(&method, path.map(MatchedPath::as_str), path)
    }

    #[cfg(test)]
    pub(crate) fn route(&'static self, method: &Method, path: Option<&str>) -> &'static Route {
        self.find_or_mount(&self.listed_method(method), path, None)
    }

    #[inline(never)]
    fn find_or_mount(
        &'static self,
        method: &Method,
        path: Option<&str>,
        matched: Option<&MatchedPath>,
    ) -> &'static Route {
        let known = || self.mounts.find(path, |route| route.is(method, path));
        if let Some(known) = known() {
            return known;
        }
        let _changing = SETTINGS_LOCK.lock();
        // Looked for again: another thread may have brought the same first request.
        known().unwrap_or_else(|| {
            #[cfg(feature = "admin")]
            if self.mounts.first().is_none() {
                linked::note_mounted(self);
            }
            self.mounts
                .add(Route::new(self, method.clone(), path, matched.cloned()))
        })
    }

    /// The mounts so far.
    pub(crate) fn routes(&'static self) -> impl Iterator<Item = &'static Route> {
        self.mounts.iter()
    }

    /// What would be in force for a mount with no settings of its own.
    pub(crate) fn effective(&self) -> Option<EffectiveSettings> {
        EffectiveSettings::of(&Stored::new(), &self.settings.lock())
    }

    /// Takes over what the settings file says. To be called with `SETTINGS_LOCK` held.
    pub(crate) fn set_persistent(&'static self, own: Values, of_mounts: BTreeMap<u16, Values>) {
        self.settings.lock().persistent = own;
        for route in self.routes() {
            let its = of_mounts.get(&route.mount).cloned();
            route.settings.lock().persistent = its.unwrap_or_default();
        }
        *self.persistent_of_mounts.lock() = of_mounts;
        self.apply();
    }

    /// Puts what is set for the handler and its mounts in force. To be called with `SETTINGS_LOCK` held.
    pub(crate) fn apply(&'static self) {
        self.routes().for_each(Route::apply);
    }

    /// The method that a request is listed under. axum sends HEAD to the handler of GET unless the
    /// route is one for HEAD; methods that nobody registered are one, or a client could make rows.
    fn listed_method(&self, method: &Method) -> Method {
        match *method {
            Method::HEAD if self.method != Some("HEAD") => Method::GET,
            Method::GET
            | Method::HEAD
            | Method::POST
            | Method::PUT
            | Method::DELETE
            | Method::PATCH
            | Method::OPTIONS
            | Method::TRACE
            | Method::CONNECT => method.clone(),
            _ => Method::from_bytes(b"OTHER").unwrap_or(Method::GET),
        }
    }
}

/// A handler at one method and one path of a router, with all that is counted and set for it.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) descriptor: &'static HandlerEntry,
    pub(crate) method: Method,
    /// The path as the router matched it, nest prefix included; nothing for a fallback.
    pub(crate) path: Option<Box<str>>,
    /// The same as the router had it: while that is kept, there is no other text where it lies.
    matched: Option<MatchedPath>,
    /// What tells this mount from the handler's others in its id.
    pub(crate) mount: u16,
    /// How many requests there were, and what became of them.
    pub(crate) stats: RouteStats,
    /// The upgraded connections, websockets for example, whose work is tracked and goes on.
    upgraded: AtomicU64,
    /// How its polls blocked workers.
    pub(crate) blocking: Blocking,
    /// What is set for this mount only.
    pub(crate) settings: Mutex<Stored>,
    /// Where the setting `limit.rate` counts.
    pub(crate) gate: RateLimit,
    /// Held to decide whether one more request is let in, where `limit.active` is set.
    pub(crate) admission: Mutex<()>,
    /// One more than the second in which a failed response was reported last.
    failure_reported: AtomicU64,
    /// What holds for the next request: this mount's settings over the handler's.
    in_force: AppliedSettings,
}

impl Route {
    fn new(
        descriptor: &'static HandlerEntry,
        method: Method,
        path: Option<&str>,
        matched: Option<MatchedPath>,
    ) -> Self {
        let mount = mount_digits(descriptor, &method, path);
        let mut settings = Stored::new();
        if let Some(own) = descriptor.persistent_of_mounts.lock().get(&mount) {
            settings.persistent.clone_from(own);
        }
        let effective = EffectiveSettings::of(&settings, &descriptor.settings.lock());
        Route {
            descriptor,
            mount,
            method,
            path: path.map(Box::from),
            matched,
            stats: RouteStats::new(),
            upgraded: AtomicU64::new(0),
            blocking: Blocking::new(),
            settings: Mutex::new(settings),
            gate: RateLimit::new(),
            admission: Mutex::new(()),
            failure_reported: AtomicU64::new(0),
            in_force: AppliedSettings::new(effective),
        }
    }

    /// The requests in flight, and the upgraded connections that go on.
    pub(crate) fn active(&self) -> u64 {
        self.stats.active().saturating_add(self.upgraded())
    }

    /// The upgraded connections that go on.
    pub(crate) fn upgraded(&self) -> u64 {
        // Relaxed: a plain number.
        self.upgraded.load(Ordering::Relaxed)
    }

    /// Counts an upgraded connection that goes on.
    pub(crate) fn add_upgraded(&self) {
        self.upgraded.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one that is over.
    pub(crate) fn remove_upgraded(&self) {
        self.upgraded.fetch_sub(1, Ordering::Relaxed);
    }

    /// True once a second: then a failed response may be written to the host's log.
    pub(crate) fn may_report_failure(&self) -> bool {
        let second = Instant::now().second().saturating_add(1);
        // Relaxed: a plain number.
        self.failure_reported.swap(second, Ordering::Relaxed) != second
    }

    fn apply(&self) {
        let effective =
            EffectiveSettings::of(&self.settings.lock(), &self.descriptor.settings.lock());
        self.in_force.put(effective);
    }

    /// What is in force now, if anything.
    #[inline]
    pub(crate) fn effective(&self) -> Option<Arc<EffectiveSettings>> {
        self.in_force.get()
    }

    /// Whether a router matched `path` to it.
    #[inline]
    fn is_at(&self, path: Option<&MatchedPath>) -> bool {
        match (path, &self.matched) {
            // It is the router's own text, unless that is nested: then it is made for each request.
            (Some(path), Some(matched)) => {
                let (path, matched) = (path.as_str(), matched.as_str());
                std::ptr::eq(path, matched) || path == matched
            }
            (None, None) => self.path.is_none(),
            _ => false,
        }
    }

    fn is(&self, method: &Method, path: Option<&str>) -> bool {
        self.method == *method && self.path.as_deref() == path
    }
}

/// The id of a route: the handler's, and the mount's where the handler has several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RouteId {
    pub(crate) handler: u32,
    pub(crate) mount: Option<u16>,
}

impl std::fmt::Display for RouteId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:08x}", self.handler)?;
        match self.mount {
            Some(mount) => write!(f, "-{mount:04x}"),
            None => Ok(()),
        }
    }
}

/// 32 bits of the FNV-1a hash of `parts`: the same in every process, build and version of Rust.
#[allow(clippy::cast_possible_truncation, reason = "the halves of a hash")]
pub(crate) fn stable_hash(parts: &[&[u8]]) -> u32 {
    let mut hasher = FnvHasher::default();
    for part in parts {
        hasher.write(part);
    }
    let hash = hasher.finish();
    // Both halves, for the low one alone hardly sees the last bytes.
    (hash >> 32) as u32 ^ hash as u32
}

/// The digits of a new mount. Two mounts of a handler with the same digits are one in 65 536; then the
/// later one is hashed again.
#[allow(clippy::cast_possible_truncation, reason = "the halves of a hash")]
fn mount_digits(descriptor: &'static HandlerEntry, method: &Method, path: Option<&str>) -> u16 {
    let path = path.unwrap_or("-").as_bytes();
    let mut again = 0_u8;
    loop {
        let hash = stable_hash(&[method.as_str().as_bytes(), b" ", path, &[again]]);
        let digits = (hash >> 16) as u16 ^ hash as u16;
        again = again.wrapping_add(1);
        if descriptor.mounts.take_digits(digits) || again == 0 {
            return digits;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::SHARDS;

    #[test]
    fn a_route_takes_at_most_63_kilobytes_besides_its_live_tasks() {
        let all = size_of::<Route>() + RouteStats::memory(SHARDS);
        assert!(all <= 63 * 1024, "{all} bytes");
    }
}
