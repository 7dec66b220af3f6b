//! Tells `logger` that the setting `log` of a route has changed. It looks for that itself, because
//! settings change under locks of this crate, and what it does then runs code of the host.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::log_level::LogLevel;

static CHANGED: AtomicBool = AtomicBool::new(false);

/// Records that a route has another level than before.
pub(super) fn set_changed() {
    // Release: pairs with `take_changed`.
    CHANGED.store(true, Ordering::Release);
}

/// Records a new route, once it is among all routes.
pub(super) fn route_added(level: LogLevel) {
    if level > LogLevel::Off {
        set_changed();
    }
}

/// True once after a change. The caller then sees the new levels.
pub(crate) fn take_changed() -> bool {
    // A load first: this is polled. Acquire: pairs with `set_changed`.
    CHANGED.load(Ordering::Relaxed) && CHANGED.swap(false, Ordering::Acquire)
}
