//! A sequence counter, as Linux's `seqcount_t`: one writer, which never waits for readers, and
//! readers, which detect a concurrent write and read again.

use crate::sync::atomic::{AtomicU32, Ordering, fence};

/// Even between writes, odd during one. It wraps around after two billion writes: a reader during
/// which exactly that many happen does not detect them.
#[derive(Debug)]
pub(crate) struct SeqCount(AtomicU32);

impl SeqCount {
    pub(crate) fn new() -> Self {
        SeqCount(AtomicU32::new(0))
    }

    /// Writes fields that are read together. Only one thread may write.
    #[inline]
    pub(crate) fn write(&self, write: impl FnOnce()) {
        let count = self.0.load(Ordering::Relaxed);
        self.0.store(count.wrapping_add(1), Ordering::Relaxed);
        // Pairs with the fence in `try_read`: a reader that sees one of the writes below then sees
        // the odd count.
        fence(Ordering::Release);
        write();
        // Pairs with the first load in `try_read`: a reader that sees this count sees all writes
        // above.
        self.0.store(count.wrapping_add(2), Ordering::Release);
    }

    /// Reads fields that are written together, `None` if a write was under way.
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
