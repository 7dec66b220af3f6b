//! Stand-in for the records of threads. They are empty: no model reads them.

/// An empty record, which all threads share.
#[derive(Debug)]
pub(crate) struct ThreadRecord;

static RECORD: ThreadRecord = ThreadRecord;

#[allow(clippy::unused_self, reason = "the signatures of the real record")]
impl ThreadRecord {
    pub(crate) fn claim() -> &'static Self {
        &RECORD
    }

    pub(crate) fn unlisted() -> &'static Self {
        &RECORD
    }

    pub(crate) fn release(&'static self) {}

    #[inline]
    pub(crate) fn begin_poll(&self) {}

    #[inline]
    pub(crate) fn set_task(&self, _: u64) {}

    #[inline]
    pub(crate) fn runtime_bits(&self) -> u32 {
        0
    }

    pub(crate) fn entered(&self) -> Option<crate::clock::Instant> {
        None
    }

    pub(crate) fn number(&self) -> u32 {
        u32::MAX
    }
}

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
