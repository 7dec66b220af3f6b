//! What threads meet at: the locks of this crate, and the one door to atomics, `Arc` and the like for those
//! files whose interleavings are played through in `tests/loom`, with loom's behind this door.
//!
//! A lock here guards plain values for a short time, never across code of a user, so that nothing a
//! handler does can hold one.

pub(crate) use arc_swap::ArcSwapOption;
pub(crate) use crossbeam_utils::atomic::AtomicCell;
pub(crate) use std::sync::{Arc, Weak, atomic};
pub(crate) use tokio::sync::Notify;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex as StdMutex, MutexGuard, PoisonError};

/// A mutex that a panic does not close.
///
/// What it guards is whole after every statement, so the value that a panicking thread left is as good
/// as any; and a request that failed must not make the next one fail.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(StdMutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Mutex(StdMutex::new(value))
    }

    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets another thread go on that may need the processor to end what it writes.
pub(crate) fn yield_now() {
    std::thread::yield_now();
}

/// Runs code of the host, for example of a waker, and contains a panic: in a `Drop` that may run
/// during unwinding, where a second panic would abort the process, or on the admin side. Returns
/// `None` if it panicked.
pub(crate) fn contained<T>(code: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(code)) {
        Ok(done) => Some(done),
        Err(panic) => {
            // The host was told by the panic's hook. What is inside is the host's too, and may
            // panic when it is dropped.
            std::mem::forget(panic);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::resume_unwind;

    struct PanicsWhenDropped;

    impl Drop for PanicsWhenDropped {
        fn drop(&mut self) {
            resume_unwind(Box::new("dropped"));
        }
    }

    #[test]
    fn a_panic_goes_no_further_whatever_is_inside() {
        contained(|| resume_unwind(Box::new(PanicsWhenDropped)));
    }

    #[test]
    fn a_lock_is_open_after_a_panic_and_has_what_was_left() {
        static LOCK: Mutex<u32> = Mutex::new(1);
        contained(|| {
            let mut locked = LOCK.lock();
            *locked = 2;
            resume_unwind(Box::new("while it is held"));
        });
        assert_eq!(*LOCK.lock(), 2);
    }
}
