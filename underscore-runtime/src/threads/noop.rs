//! The record of a thread without the feature `admin`: empty, because nothing reads it.

/// One record for all threads.
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
