//! The call of a handler with `keep`: the function takes over the record of the request in its
//! first poll, because its caller may be a router, a closure or another handler.

use crate::routes::HandlerEntry;

/// The first local of a kept handler: it lives as long as the handler runs.
#[must_use = "the handler is over once this is dropped"]
#[derive(Debug)]
#[non_exhaustive]
pub struct KeptHandler;

/// Begins the run of the handler of `entry`.
#[inline]
pub fn handler(_: &'static HandlerEntry) -> KeptHandler {
    KeptHandler
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
