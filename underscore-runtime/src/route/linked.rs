//! The handlers of this binary for those who look: those that the linker gathered, and those that it lost, which are
//! known from their first request on.

use super::{ROUTES, RouteDescriptor};
use crate::log;
use crate::sync::Mutex;

/// The handlers that have had a request and are not in the slice. Linkers have lost entries of it
/// before, and a route with requests is never left out of a list.
static LOST: Mutex<Vec<&'static RouteDescriptor>> = Mutex::new(Vec::new());

/// All handlers that are known: the slice, and what was missing in it.
pub(crate) fn descriptors() -> Vec<&'static RouteDescriptor> {
    let lost = LOST.lock();
    ROUTES.iter().chain(&*lost).copied().collect()
}

/// How many handlers were missing in the slice, so far.
pub(crate) fn lost() -> usize {
    LOST.lock().len()
}

/// Notes that a handler gets its first mount. To be called once for each, at its first request: only there is the
/// slice gone through.
#[cold]
pub(super) fn note_mounted(descriptor: &'static RouteDescriptor) {
    if ROUTES
        .iter()
        .any(|linked| std::ptr::eq(*linked, descriptor))
    {
        return;
    }
    LOST.lock().push(descriptor);
    log::write(move || {
        tracing::warn!(
            target: "underscore",
            handler = descriptor.handler,
            "the linker lost this handler, which is listed and can be steered only from its first request on"
        );
    });
}
