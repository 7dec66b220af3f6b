//! The routes of requests for which no annotated handler is known: closures, nested services,
//! fallbacks. A layer adds one for each method and path that its router matches, so clients can add
//! none. If an annotated handler turns out to answer there, the route becomes a mount of the
//! handler, with its counters and settings.

use std::collections::BTreeMap;

use axum::extract::MatchedPath;
use axum::http::Method;

use super::entry::{HandlerEntry, SETTINGS_LOCK};
use super::link;
use super::log_levels;
use super::route::Route;
use crate::route::{Declaration, RouteIdentity, listed_method};
use crate::settings::Values;
use crate::sync::Mutex;

static LAYER_ROUTES: Mutex<LayerRoutes> = Mutex::new(LayerRoutes {
    by_text: BTreeMap::new(),
    persistent: BTreeMap::new(),
});

struct LayerRoutes {
    /// By method and path, as in `GET /ping`, or by name.
    by_text: BTreeMap<&'static str, LayerRoute>,
    /// The sections of the settings file that name no known route, by their names.
    persistent: BTreeMap<String, Values>,
}

struct LayerRoute {
    /// Stands for the handler. The route is its only mount.
    entry: &'static HandlerEntry,
    route: &'static Route,
    /// Number of services whose requests it counts.
    users: usize,
}

/// The use of a layer's route by one service of a layer.
#[derive(Debug)]
pub(crate) struct LayerRouteUse(&'static Route);

impl LayerRouteUse {
    /// The route of requests with `method` at `path`.
    pub(crate) fn at(method: &Method, path: &str, matched: Option<&MatchedPath>) -> Self {
        let method = listed_method(method, None);
        let text = format!("{method} {path}");
        LayerRouteUse(use_route(&text, |text| {
            let declaration = Declaration::of_layer(text, None);
            let place = (method, Some(path), matched.cloned());
            (declaration, place)
        }))
    }

    /// The route of requests that no router matched.
    pub(crate) fn named(name: &'static str) -> Self {
        LayerRouteUse(use_route(name, |text| {
            // Known to every listing: the methods of its requests differ.
            let method = Method::from_bytes(b"ANY").unwrap_or(Method::GET);
            (
                Declaration::of_layer(text, Some(text)),
                (method, None, None),
            )
        }))
    }

    pub(crate) fn route(&self) -> &'static Route {
        self.0
    }
}

impl Drop for LayerRouteUse {
    fn drop(&mut self) {
        let Some(text) = self.0.identity.declaration().layer else {
            return;
        };
        let mut routes = LAYER_ROUTES.lock();
        if let Some(known) = routes.by_text.get_mut(text)
            && std::ptr::eq(known.route, self.0)
        {
            known.users = known.users.saturating_sub(1);
        }
    }
}

/// Finds or adds the route for `text`, and counts a user.
fn use_route<'a>(
    text: &str,
    new: impl FnOnce(&'static str) -> (Declaration, (Method, Option<&'a str>, Option<MatchedPath>)),
) -> &'static Route {
    let use_known = |routes: &mut LayerRoutes| {
        let known = routes.by_text.get_mut(text)?;
        known.users = known.users.saturating_add(1);
        Some(known.route)
    };
    if let Some(route) = use_known(&mut LAYER_ROUTES.lock()) {
        return route;
    }
    let _settings = SETTINGS_LOCK.lock();
    let mut routes = LAYER_ROUTES.lock();
    // Checked again: another thread may have added it.
    if let Some(route) = use_known(&mut routes) {
        return route;
    }
    // Never freed, like the entries of handlers.
    let text: &'static str = Box::leak(Box::from(text));
    let (declaration, (method, path, matched)) = new(text);
    let entry: &'static HandlerEntry = Box::leak(Box::new(HandlerEntry::of_layer(declaration)));
    let section = [text.to_owned(), format!("{:08x}", entry.hash_of_path())]
        .into_iter()
        .find_map(|name| routes.persistent.get(&name).cloned());
    if let Some(persistent) = section {
        entry.settings.lock().persistent = persistent;
    }
    let identity = RouteIdentity::new(&entry.declaration, method, path, matched, |_| true);
    let route = Route::new(identity, Values::new(), &entry.settings.lock());
    let route: &'static Route = Box::leak(Box::new(route));
    entry.mounts.add(route);
    let known = LayerRoute {
        entry,
        route,
        users: 1,
    };
    routes.by_text.insert(text, known);
    log_levels::route_added(route.log_level());
    route
}

impl HandlerEntry {
    /// Makes a layer's route a mount of this handler. False if another service uses the route. The
    /// caller holds `SETTINGS_LOCK`.
    pub(super) fn adopt(&'static self, route: &'static Route) -> bool {
        let Some(text) = route.identity.declaration().layer else {
            return false;
        };
        let mut routes = LAYER_ROUTES.lock();
        let of_layer = match routes.by_text.get(text) {
            Some(known) if std::ptr::eq(known.route, route) && known.users <= 1 => known.entry,
            _ => return false,
        };
        let mount = route.identity.mount;
        if !self.mounts.reserve_digits(mount) {
            return false;
        }
        routes.by_text.remove(text);
        drop(routes);
        let of_layer = of_layer.settings.lock().clone();
        let mut settings = route.settings.lock();
        if let Some(persistent) = self.persistent_of_mounts.lock().get(&mount) {
            settings.persistent.clone_from(persistent);
        }
        settings.absorb(&of_layer);
        let persistent = settings.persistent.clone();
        drop(settings);
        if !persistent.is_empty() {
            self.persistent_of_mounts.lock().insert(mount, persistent);
        }
        route.keep_settings_before_handler();
        // First: a request that finds the handler also finds its settings.
        route.apply(&self.settings.lock());
        route.identity.set_declaration(&self.declaration);
        self.add_mount(route);
        true
    }
}

/// All known handlers, and the entries that stand for them on the routes of layers.
pub(crate) fn all_handlers() -> Vec<&'static HandlerEntry> {
    let mut all = link::handlers();
    let routes = LAYER_ROUTES.lock();
    all.extend(routes.by_text.values().map(|known| known.entry));
    all
}

/// The persistent settings that the file has for a method and a path. The caller holds
/// `SETTINGS_LOCK`.
pub(super) fn persistent_at(method: &Method, path: &str) -> Option<Values> {
    let text = format!("{method} {path}");
    let routes = LAYER_ROUTES.lock();
    let persistent = match routes.by_text.get(&*text) {
        Some(known) => known.entry.settings.lock().persistent.clone(),
        None => routes.persistent.get(&text).cloned()?,
    };
    (!persistent.is_empty()).then_some(persistent)
}

/// Sets the persistent settings of routes that are not known yet, by the names of their sections.
/// The caller holds `SETTINGS_LOCK`.
pub(crate) fn set_persistent_of_unknown(sections: BTreeMap<String, Values>) {
    LAYER_ROUTES.lock().persistent = sections;
}
