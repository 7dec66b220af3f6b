//! What is in force for a route's next request. Most routes are never steered: for them a request reads one byte.

use crate::settings::EffectiveSettings;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Arc, ArcSwapOption};

/// A mount's settings over the handler's, as they are now.
#[derive(Debug)]
pub(crate) struct AppliedSettings {
    effective: ArcSwapOption<EffectiveSettings>,
    /// Whether that is anything.
    steered: AtomicBool,
}

impl AppliedSettings {
    pub(crate) fn new(effective: Option<EffectiveSettings>) -> Self {
        AppliedSettings {
            steered: AtomicBool::new(effective.is_some()),
            effective: ArcSwapOption::new(effective.map(Arc::new)),
        }
    }

    /// Puts this in force. To be called by one thread at a time.
    pub(crate) fn put(&self, effective: Option<EffectiveSettings>) {
        let steered = effective.is_some();
        self.effective.store(effective.map(Arc::new));
        // Release: who sees the flag sees the settings, and none that were in force before they were reset. Who still
        // sees the old flag decides as if the request had come a moment earlier.
        self.steered.store(steered, Ordering::Release);
    }

    /// What is in force now, if anything.
    #[inline]
    pub(crate) fn get(&self) -> Option<Arc<EffectiveSettings>> {
        // Acquire: pairs with `put`.
        if self.steered.load(Ordering::Acquire) {
            self.effective.load_full()
        } else {
            None
        }
    }
}
