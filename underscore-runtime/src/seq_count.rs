//! A sequence counter, as in Linux's `seqcount_t`: one writer, who never waits for a reader, and
//! readers who learn whether what they read belongs together, and read again if it does not.

use crate::sync::atomic::{AtomicU32, Ordering, fence};

/// Even between writes and odd during one. It is the same again after two billion writes; a reader
/// that takes longer than those, and sees just that many, is mistaken.
#[derive(Debug)]
pub(crate) struct SeqCount(AtomicU32);

impl SeqCount {
    pub(crate) fn new() -> Self {
        SeqCount(AtomicU32::new(0))
    }

    /// Writes fields that are read together. For the one writer.
    #[inline]
    pub(crate) fn write(&self, write: impl FnOnce()) {
        let count = self.0.load(Ordering::Relaxed);
        self.0.store(count.wrapping_add(1), Ordering::Relaxed);
        // Pairs with the fence in `try_read`: a reader of one of the writes below reads the odd count
        // after it.
        fence(Ordering::Release);
        write();
        // Pairs with the first load in `try_read`: a reader of this count reads all of the writes
        // above.
        self.0.store(count.wrapping_add(2), Ordering::Release);
    }

    /// Reads fields that are written together; `None` if they were being written.
    pub(crate) fn try_read<T>(&self, read: impl FnOnce() -> T) -> Option<T> {
        let count = self.0.load(Ordering::Acquire);
        if count % 2 == 1 {
            return None;
        }
        let value = read();
        fence(Ordering::Acquire);
        (self.0.load(Ordering::Relaxed) == count).then_some(value)
    }
}
