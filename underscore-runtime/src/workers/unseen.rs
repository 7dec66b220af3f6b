//! In place of all that workers say of themselves, where nobody can look: without the feature `admin`.

use crate::task::TaskId;

/// A poll that the thread is in.
#[derive(Debug)]
pub(crate) struct Turn;

impl Turn {
    /// The calling thread enters a poll.
    #[inline]
    pub(crate) fn begin(_: TaskId) -> Self {
        Turn
    }

    /// No thread has this number.
    #[inline]
    #[allow(clippy::unused_self, reason = "as the one it stands for")]
    pub(crate) fn slot_number(&self) -> u32 {
        u32::MAX
    }

    #[inline]
    #[allow(clippy::unused_self, reason = "as the one it stands for")]
    pub(crate) fn end(self) {}
}
