//! The call of a handler with `keep`: the function takes over the record of the request in its
//! first poll, because its caller may be a router, a closure or another handler.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::instrument::poll;
use crate::instrument::record::{self, HandlerPart, LayerRecord};
use crate::log;
use crate::routes::HandlerEntry;

/// The first local of a kept handler: it lives as long as the handler runs.
#[must_use = "the handler is over once this is dropped"]
#[derive(Debug)]
pub struct KeptHandler {
    /// `None` if the caller is no request in a layer, or another handler.
    part: Option<HandlerPart>,
}

/// Begins the run of the handler of `entry`.
#[inline]
pub fn handler(entry: &'static HandlerEntry) -> KeptHandler {
    let part = record::take_over_kept(entry);
    if part.is_none() && poll::current().is_none() {
        outside(entry);
    }
    KeptHandler { part }
}

/// Records that the handler was called outside of all tasks. Reports it if there is no layer at
/// all, once, because that is one cause for all handlers.
#[cold]
fn outside(entry: &'static HandlerEntry) {
    static IS_REPORTED: AtomicBool = AtomicBool::new(false);
    entry.set_called_outside();
    if !LayerRecord::are_used() && !IS_REPORTED.swap(true, Ordering::Relaxed) {
        report(entry);
    }
}

/// Reports that requests of kept handlers are not seen.
fn report(entry: &'static HandlerEntry) {
    log::write(|| {
        tracing::warn!(
            target: "underscore",
            handler = entry.declaration.handler,
            "a handler with `keep` was called outside of a `RequestLayer`, which is what sees its requests; \
             add `.layer(underscore_runtime::RequestLayer::new())` to the router, as the last layer"
        );
    });
}

impl Drop for KeptHandler {
    fn drop(&mut self) {
        if let Some(part) = &self.part
            && thread::panicking()
        {
            part.set_panicked();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_may_be_held_across_awaits_of_any_future() {
        fn is_send_and_sync<T: Send + Sync + 'static>(_: &T) {}
        static ENTRY: HandlerEntry = HandlerEntry::new("crate::kept", "src/lib.rs", 1, 1).keep();
        let guard = handler(&ENTRY);
        is_send_and_sync(&guard);
    }
}
