//! The entry of an annotated handler in the link table: its declaration, the settings of all its
//! mounts, and the mounts.

use std::collections::BTreeMap;

use linkme::distributed_slice;

use super::log_levels;
use super::mounts::Mounts;
use super::route::Route;
use crate::route::{Declaration, stable_hash};
use crate::settings::{EffectiveSettings, Stored, Values};
use crate::stack::AwaitPoint;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

/// Every annotated handler of the binary, gathered by the linker.
///
/// Linkers identify a slice by its name alone, so the name contains the crate and its version. A
/// second slice of the same name in the binary would share its section.
#[distributed_slice]
pub static UNDERSCORE_RUNTIME_0_1_0_ROUTES: [&'static HandlerEntry];

pub use self::UNDERSCORE_RUNTIME_0_1_0_ROUTES as ROUTES;

/// Held while settings are changed or a mount is added, so that a new mount starts with the latest
/// settings and a change reaches every mount. Only the first request of a mount waits for it.
pub(crate) static SETTINGS_LOCK: Mutex<()> = Mutex::new(());

/// The entry of one handler. Generated code makes one `static` of it per handler.
///
/// It owns the mounts, so that a request finds its route without a map.
#[derive(Debug)]
pub struct HandlerEntry {
    pub(crate) declaration: Declaration,
    /// The settings of every mount of the handler. Locked before those of a mount, if both are.
    pub(crate) settings: Mutex<Stored>,
    /// The persistent settings of single mounts, by their digits. Mounts without a request so far
    /// are included: they have no `Route` to hold them.
    pub(crate) persistent_of_mounts: Mutex<BTreeMap<u16, Values>>,
    pub(super) mounts: Mounts,
    /// True once a handler with `keep` was called outside of all tasks.
    is_called_outside: AtomicBool,
}

impl HandlerEntry {
    /// A handler at a position in the source. Called by generated code only.
    pub const fn new(handler: &'static str, file: &'static str, line: u32, column: u32) -> Self {
        HandlerEntry {
            declaration: Declaration {
                handler,
                name: None,
                method: None,
                path: None,
                file,
                line,
                column,
                arguments: &[],
                layer: None,
                is_kept: false,
            },
            settings: Mutex::new(Stored::new()),
            persistent_of_mounts: Mutex::new(BTreeMap::new()),
            mounts: Mounts::new(),
            is_called_outside: AtomicBool::new(false),
        }
    }

    /// An entry that stands for the handler of a layer's route.
    pub(super) fn of_layer(declaration: Declaration) -> Self {
        HandlerEntry {
            declaration,
            settings: Mutex::new(Stored::new()),
            persistent_of_mounts: Mutex::new(BTreeMap::new()),
            mounts: Mounts::new(),
            is_called_outside: AtomicBool::new(false),
        }
    }

    /// Sets the declared name.
    #[must_use]
    pub const fn name(mut self, name: &'static str) -> Self {
        self.declaration.name = Some(name);
        self
    }

    /// Sets the declared method.
    #[must_use]
    pub const fn method(mut self, method: &'static str) -> Self {
        self.declaration.method = Some(method);
        self
    }

    /// Sets the declared path.
    #[must_use]
    pub const fn path(mut self, path: &'static str) -> Self {
        self.declaration.path = Some(path);
        self
    }

    /// Sets the positions of the arguments: a request can be stuck in each extractor.
    #[must_use]
    pub const fn arguments(mut self, arguments: &'static [AwaitPoint]) -> Self {
        self.declaration.arguments = arguments;
        self
    }

    /// Declares that the function keeps its signature.
    #[must_use]
    pub const fn keep(mut self) -> Self {
        self.declaration.is_kept = true;
        self
    }

    /// The hash of the handler's path: its id, unless another handler has the same.
    pub(super) fn hash_of_path(&self) -> u32 {
        stable_hash(&[self.declaration.id_text().as_bytes()])
    }

    /// Records that the handler, which has `keep`, was called outside of all tasks.
    pub(crate) fn set_called_outside(&self) {
        // Relaxed: no other data depends on it.
        self.is_called_outside.store(true, Ordering::Relaxed);
    }

    /// True if the handler has been called and none of its requests was seen.
    pub(crate) fn is_unseen(&self) -> bool {
        self.is_called_outside.load(Ordering::Relaxed) && self.mounts.first().is_none()
    }

    /// The mounts so far.
    pub(crate) fn routes(&'static self) -> impl Iterator<Item = &'static Route> {
        self.mounts.iter()
    }

    /// The effective settings of a mount that has none of its own.
    pub(crate) fn effective(&self) -> Option<EffectiveSettings> {
        EffectiveSettings::new(&Stored::new(), &self.settings.lock())
    }

    /// Replaces the persistent settings of the handler and its mounts. The caller holds
    /// `SETTINGS_LOCK`.
    pub(crate) fn set_persistent(&'static self, own: Values, of_mounts: BTreeMap<u16, Values>) {
        self.settings.lock().persistent = own;
        for route in self.routes() {
            let values = of_mounts.get(&route.identity.mount).cloned();
            route.settings.lock().persistent = values.unwrap_or_default();
        }
        *self.persistent_of_mounts.lock() = of_mounts;
        self.apply();
    }

    /// Applies the settings of the handler and its mounts. The caller holds `SETTINGS_LOCK`.
    pub(crate) fn apply(&'static self) {
        let own = self.settings.lock();
        self.routes().for_each(|route| route.apply(&own));
        // Also without a mount: its first request has the level.
        log_levels::set_changed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_is_kept_if_it_says_so() {
        let entry = || HandlerEntry::new("crate::handler", "src/lib.rs", 1, 1);
        assert!(!entry().declaration.is_kept);
        assert!(entry().keep().declaration.is_kept);
    }
}
