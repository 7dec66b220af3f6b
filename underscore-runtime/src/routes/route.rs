//! A route: its identity, its counters, and the settings of this one mount.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::log_levels;
use super::settings_cell::SettingsCell;
use super::slow_after::SlowAfter;
use crate::clock::Instant;
use crate::log_level::{AtomicLogLevel, LogLevel};
use crate::route::RouteIdentity;
use crate::settings::{EffectiveSettings, RateLimit, Stored, Values, log_level, slow_after};
use crate::stats::{Blocking, RouteStats};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A handler at one method and one path of a router, with its counters and settings.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) identity: RouteIdentity,
    /// Requests by outcome.
    pub(crate) stats: RouteStats,
    /// Open upgraded connections, for example websockets, whose work is tracked.
    upgraded: AtomicU64,
    /// Time for which its polls blocked workers.
    pub(crate) blocking: Blocking,
    /// The settings of this mount only.
    pub(crate) settings: Mutex<Stored>,
    /// The setting `slow_after`.
    pub(crate) slow_after: SlowAfter,
    /// The setting `log`.
    log_level: AtomicLogLevel,
    /// State of the setting `limit.rate`.
    pub(crate) rate_limit: RateLimit,
    /// Held from the check of `limit.active` until the admitted request is counted.
    pub(crate) admission: Mutex<()>,
    /// True once a layer has seen a request reach its handler.
    reached_through_layer: AtomicBool,
    /// The second in which a failed response was last reported, plus one.
    failure_reported: AtomicU64,
    /// The settings for the next request: this mount's over the handler's.
    applied: SettingsCell,
    /// The settings that it had as a layer's own route, when its handler became known.
    before_handler: OnceLock<Arc<EffectiveSettings>>,
}

impl Route {
    /// A mount with these persistent settings of its own, of a handler with these settings.
    pub(super) fn new(identity: RouteIdentity, persistent: Values, of_handler: &Stored) -> Self {
        let mut settings = Stored::new();
        settings.persistent = persistent;
        let effective = EffectiveSettings::new(&settings, of_handler);
        let slow_after = slow_after(&settings, of_handler);
        let log_level = log_level(&settings, of_handler);
        Route {
            identity,
            stats: RouteStats::new(),
            upgraded: AtomicU64::new(0),
            blocking: Blocking::new(),
            settings: Mutex::new(settings),
            slow_after: SlowAfter::new(slow_after),
            log_level: AtomicLogLevel::new(log_level),
            rate_limit: RateLimit::new(),
            admission: Mutex::new(()),
            reached_through_layer: AtomicBool::new(false),
            failure_reported: AtomicU64::new(0),
            applied: SettingsCell::new(effective),
            before_handler: OnceLock::new(),
        }
    }

    /// Its address, which identifies it: routes are never freed.
    pub(crate) fn address(&'static self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Number of requests in flight and open upgraded connections.
    pub(crate) fn active(&self) -> u64 {
        self.stats.active().saturating_add(self.upgraded())
    }

    /// Number of open upgraded connections.
    pub(crate) fn upgraded(&self) -> u64 {
        // Relaxed: no other data depends on it.
        self.upgraded.load(Ordering::Relaxed)
    }

    /// Counts an upgraded connection that opens.
    pub(crate) fn add_upgraded(&self) {
        self.upgraded.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an upgraded connection that closes.
    pub(crate) fn remove_upgraded(&self) {
        self.upgraded.fetch_sub(1, Ordering::Relaxed);
    }

    /// True once a layer has seen a request reach its handler.
    pub(crate) fn is_reached_through_layer(&self) -> bool {
        self.reached_through_layer.load(Ordering::Relaxed)
    }

    /// Records that a layer has seen a request reach its handler.
    pub(crate) fn set_reached_through_layer(&self) {
        self.reached_through_layer.store(true, Ordering::Relaxed);
    }

    /// True once per second: a failed response may then be written to the host's log.
    pub(crate) fn may_report_failure(&self) -> bool {
        let second = Instant::now().second().saturating_add(1);
        // Relaxed: no other data depends on it.
        self.failure_reported.swap(second, Ordering::Relaxed) != second
    }

    /// Applies the settings of this mount, over those of its handler, to the next request.
    pub(super) fn apply(&self, of_handler: &Stored) {
        let settings = self.settings.lock();
        self.slow_after.set(slow_after(&settings, of_handler));
        let log_level = log_level(&settings, of_handler);
        if self.log_level.replace(log_level) != log_level {
            log_levels::set_changed();
        }
        self.applied
            .set(EffectiveSettings::new(&settings, of_handler));
    }

    /// The keys whose transient values expire, as in [`Stored::expiries_on_route`].
    pub(crate) fn transient_expiries(
        &self,
        of_handler: &Mutex<Stored>,
    ) -> BTreeMap<&'static str, Instant> {
        // A copy: who holds the lock of a route does not wait for that of its handler.
        let own = self.settings.lock().clone();
        own.expiries_on_route(&of_handler.lock())
    }

    /// The level at which events of its requests are logged, whatever their targets.
    pub(crate) fn log_level(&self) -> LogLevel {
        self.log_level.get()
    }

    /// Keeps the settings of a layer's own route, which becomes that of a handler.
    pub(super) fn keep_settings_before_handler(&self) {
        if let Some(settings) = self.effective() {
            self.before_handler.get_or_init(|| settings);
        }
    }

    /// The settings that it had as a layer's own route: they have acted on the requests that began
    /// before its handler was known.
    pub(crate) fn settings_before_handler(&self) -> Option<&EffectiveSettings> {
        self.before_handler.get().map(Arc::as_ref)
    }

    /// The settings that apply to a request now, `None` if all are at their defaults.
    #[inline]
    pub(crate) fn effective(&self) -> Option<Arc<EffectiveSettings>> {
        self.applied.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::SHARDS;

    #[test]
    fn a_route_takes_at_most_76_kilobytes_apart_from_its_live_tasks() {
        let all = size_of::<Route>() + RouteStats::memory(SHARDS);
        assert!(all <= 76 * 1024, "{all} bytes");
    }
}
