//! The settings that apply to the next request of a route. Most routes have none: for them a
//! request reads one byte.

use crate::settings::EffectiveSettings;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Arc, ArcSwapOption};

/// The effective settings of a route, replaced as a whole.
#[derive(Debug)]
pub(crate) struct SettingsCell {
    effective: ArcSwapOption<EffectiveSettings>,
    /// True if `effective` is `Some`.
    is_set: AtomicBool,
}

impl SettingsCell {
    pub(crate) fn new(effective: Option<EffectiveSettings>) -> Self {
        SettingsCell {
            is_set: AtomicBool::new(effective.is_some()),
            effective: ArcSwapOption::new(effective.map(Arc::new)),
        }
    }

    /// Replaces the settings. Called by one thread at a time.
    pub(crate) fn set(&self, effective: Option<EffectiveSettings>) {
        let is_set = effective.is_some();
        self.effective.store(effective.map(Arc::new));
        // Release: a reader of the new flag sees the new settings, and never those from before a
        // reset. A reader of the old flag decides as if its request had arrived a moment earlier.
        self.is_set.store(is_set, Ordering::Release);
    }

    /// The settings that apply now.
    #[inline]
    pub(crate) fn get(&self) -> Option<Arc<EffectiveSettings>> {
        // Acquire: pairs with `set`.
        if self.is_set.load(Ordering::Acquire) {
            self.effective.load_full()
        } else {
            None
        }
    }
}
