//! The filters of the host's subscribers.

use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::sync::{Arc, Mutex, Weak};

/// One filter.
#[derive(Debug)]
pub(crate) struct Installed {
    /// The directives of the host, as text.
    pub(crate) base: String,
    /// The call of `log_filter`.
    made_at: &'static Location<'static>,
    /// True once a subscriber has asked it for its level.
    is_in_subscriber: AtomicBool,
}

static FILTERS: Mutex<Vec<Weak<Installed>>> = Mutex::new(Vec::new());

/// The filters in subscribers, in the order in which they were made.
pub(crate) fn installed() -> Vec<Arc<Installed>> {
    let mut filters = FILTERS.lock();
    filters.retain(|filter| filter.strong_count() > 0);
    let alive = filters.iter().filter_map(Weak::upgrade);
    // Relaxed: no other data depends on it.
    let is_in_subscriber =
        |filter: &Arc<Installed>| filter.is_in_subscriber.load(Ordering::Relaxed);
    alive.filter(is_in_subscriber).collect()
}

impl Installed {
    /// The file and line of the call of `log_filter`.
    pub(crate) fn made_at(&self) -> String {
        format!("{}:{}", self.made_at.file(), self.made_at.line())
    }
}

#[cfg(feature = "tracing-subscriber")]
impl Installed {
    /// Adds a filter, which leaves the list when it is dropped.
    pub(super) fn add(base: String, made_at: &'static Location<'static>) -> Arc<Self> {
        let filter = Arc::new(Installed {
            base,
            made_at,
            is_in_subscriber: AtomicBool::new(false),
        });
        FILTERS.lock().push(Arc::downgrade(&filter));
        filter
    }

    /// Records that a subscriber uses it.
    pub(super) fn set_in_subscriber(&self) {
        self.is_in_subscriber.store(true, Ordering::Relaxed);
    }
}
