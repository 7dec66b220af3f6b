//! What threads say of themselves: nothing, in the runtime's own words for that. No model asks.

#[path = "../../underscore-runtime/src/threads/noop.rs"]
mod noop;

pub(crate) use noop::ThreadRecord;

#[derive(Clone, Copy, Debug)]
pub(crate) struct RuntimeNumber;

impl RuntimeNumber {
    pub(crate) fn from_bits(_: u32) -> Option<Self> {
        None
    }
}

pub(crate) fn polling(_: u64) -> Option<&'static ThreadRecord> {
    None
}

pub(crate) fn with_number(_: u32) -> Option<&'static ThreadRecord> {
    None
}
