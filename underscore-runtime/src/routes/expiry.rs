//! The expiry of transient settings: the time of the next expiry, and a pass over all routes once
//! it is reached.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::entry::{HandlerEntry, SETTINGS_LOCK};
use super::layer_routes::all_handlers;
use crate::clock::Instant;

/// The earliest expiry of any setting, in nanoseconds of the clock; `u64::MAX` if there is none.
static NEXT_EXPIRY: AtomicU64 = AtomicU64::new(u64::MAX);

/// Called with each handler whose settings have expired, and their keys.
static ON_EXPIRY: OnceLock<fn(&HandlerEntry, &str)> = OnceLock::new();

/// Sets the function that is called for each handler whose settings expire. The first call wins.
pub(crate) fn on_expiry(call: fn(&HandlerEntry, &str)) {
    ON_EXPIRY.get_or_init(|| call);
}

/// Records that a setting expires at `at`.
pub(crate) fn schedule_expiry(at: Instant) {
    // Relaxed: a pass that misses it is followed by another one.
    NEXT_EXPIRY.fetch_min(at.nanos(), Ordering::Relaxed);
}

/// Reverts the settings that have expired. Costs one load if there are none, so the caller may poll
/// it.
pub(crate) fn expire_settings(now: Instant) {
    if NEXT_EXPIRY.load(Ordering::Relaxed) > now.nanos() {
        return;
    }
    let lock = SETTINGS_LOCK.lock();
    NEXT_EXPIRY.store(u64::MAX, Ordering::Relaxed);
    let mut changed = Vec::new();
    for handler in all_handlers() {
        let of_mounts = handler.routes().map(|route| &route.settings);
        let mut expired = Vec::new();
        for settings in of_mounts.chain([&handler.settings]) {
            let mut stored = settings.lock();
            expired.extend(stored.expire(now));
            if let Some(next) = stored.next_expiry() {
                schedule_expiry(next);
            }
        }
        // A change of all mounts of a handler expires once per mount.
        expired.sort_unstable();
        expired.dedup();
        if !expired.is_empty() {
            handler.apply();
            changed.push((handler, expired));
        }
    }
    // Without the lock: a record of the audit wakes those who follow the events.
    drop(lock);
    if let Some(call) = ON_EXPIRY.get() {
        for (handler, expired) in changed {
            call(handler, &expired.join(", "));
        }
    }
}
