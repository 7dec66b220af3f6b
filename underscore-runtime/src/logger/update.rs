//! Changes of the levels in force, and their expiry.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::level_filters::LevelFilter;

use super::directives::Directives;
use super::overrides::Overrides;
use super::rebuild::rebuild;
use super::state::{self, RouteLevels, State};
use crate::clock::Instant;
use crate::log_level::LogLevel;
use crate::route::RouteId;
use crate::routes::{self, HandlerEntry, RouteEntry};
use crate::settings::{Stored, log_level};
use crate::sync::Mutex;

static OVERRIDES: Mutex<Overrides> = Mutex::new(Overrides::new());

/// The earliest expiry, in nanoseconds of the clock; `u64::MAX` if there is none.
static NEXT_EXPIRY: AtomicU64 = AtomicU64::new(u64::MAX);

/// Called with the targets whose levels have expired.
type OnExpiry = fn(&[String]);

static ON_EXPIRY: OnceLock<OnExpiry> = OnceLock::new();

/// Sets the function that is called when levels expire. The first call wins.
pub(crate) fn on_expiry(call: OnExpiry) {
    ON_EXPIRY.get_or_init(|| call);
}

/// The overrides in force.
pub(crate) fn current() -> Overrides {
    OVERRIDES.lock().clone()
}

/// The most detailed level of any event that a subscriber of the process may get.
pub(crate) fn max_level() -> LogLevel {
    LogLevel::from_filter(LevelFilter::current())
}

/// Changes the overrides, from the next event on.
pub(crate) fn update<T>(change: impl FnOnce(&mut Overrides) -> T) -> T {
    let mut overrides = OVERRIDES.lock();
    let changed = change(&mut overrides);
    // Relaxed: a tick that misses it is followed by another one.
    let next = overrides.next_expiry().map_or(u64::MAX, Instant::nanos);
    NEXT_EXPIRY.store(next, Ordering::Relaxed);
    let is_new = publish(&overrides);
    drop(overrides);
    if is_new {
        rebuild();
    }
    changed
}

/// Applies changed settings `log` of routes, from the next event on. The caller holds no lock.
pub(crate) fn update_routes() {
    publish(&OVERRIDES.lock());
    // In any case: a tick that has published them may not have rebuilt yet.
    rebuild();
}

/// Reverts the levels that have expired, and applies those of routes that are new, or were changed
/// in the settings file. Costs two loads if there is nothing to do.
pub(crate) fn tick(now: Instant) {
    if NEXT_EXPIRY.load(Ordering::Relaxed) <= now.nanos() {
        let expired = update(|overrides| overrides.expire(now));
        if let Some(call) = ON_EXPIRY.get().filter(|_| !expired.is_empty()) {
            call(&expired);
        }
    }
    if routes::take_log_levels_changed() {
        update(|_| ());
    }
}

/// Publishes the levels to the filters. False if they are the same.
fn publish(overrides: &Overrides) -> bool {
    let levels = overrides.levels().iter();
    let levels = levels.map(|(target, level)| (&**target, *level));
    state::replace(State {
        overrides: Directives::new(levels),
        routes: levels_of_routes(),
    })
}

fn levels_of_routes() -> RouteLevels {
    let is_set = |level: &LogLevel| *level > LogLevel::Off;
    let mut levels = RouteLevels::default();
    for handler in routes::all_handlers() {
        for route in handler.routes() {
            let level = route.log_level();
            if is_set(&level) {
                levels.by_address.push((route.address(), level));
            }
        }
        // The level of its next mount.
        levels.max = levels.max.max(Some(of_handler(handler)).filter(is_set));
    }
    let of_routes = levels.by_address.iter().map(|(_, level)| *level);
    levels.max = levels.max.max(of_routes.max());
    levels.by_address.sort_unstable();
    levels
}

fn of_handler(handler: &HandlerEntry) -> LogLevel {
    log_level(&Stored::new(), &handler.settings.lock())
}

/// The level of a route.
pub(crate) struct RouteLevel {
    pub(crate) id: RouteId,
    pub(crate) level: LogLevel,
    /// When the transient value of its setting expires.
    pub(crate) expires: Option<Instant>,
}

/// The routes with a level, in the order of the tables.
pub(crate) fn route_levels() -> impl Iterator<Item = RouteLevel> {
    let levels = routes::entries().into_iter().map(|entry| {
        let of_handler = || of_handler(entry.handler);
        let level = entry.route.map(routes::Route::log_level);
        let level = level.unwrap_or_else(of_handler);
        (entry, level)
    });
    let is_set = |(_, level): &(RouteEntry, LogLevel)| *level > LogLevel::Off;
    levels.filter(is_set).map(|(entry, level)| RouteLevel {
        id: entry.id,
        level,
        expires: entry.transient_expiries().remove("log"),
    })
}
