//! What threads say of themselves: nothing, in the runtime's own words for that. No model asks.

#[path = "../../underscore-runtime/src/threads/noop.rs"]
mod noop;

pub(crate) use noop::ThreadRecord;

pub(crate) fn that_polls(_: u64) -> Option<&'static ThreadRecord> {
    None
}

pub(crate) fn with_number(_: u32) -> Option<&'static ThreadRecord> {
    None
}
