//! The locks of this crate, and the atomics, `Arc` and the like of the files that `tests/loom`
//! models. The models replace this module with loom's types.
//!
//! A lock guards plain values for a short time and is never held while code of a user runs, so no
//! handler can hold one.

pub(crate) use arc_swap::ArcSwapOption;
pub(crate) use crossbeam_utils::atomic::AtomicCell;
pub(crate) use std::sync::{Arc, Weak, atomic};
pub(crate) use tokio::sync::Notify;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex as StdMutex, MutexGuard, PoisonError, TryLockError};

/// A mutex without poisoning.
///
/// The guarded values are consistent after every statement, also after a panic, and a request that
/// panics must not make the next one fail.
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

    /// Locks it, `None` if it is locked already.
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// Yields the processor to a thread that may be in the middle of a write.
pub(crate) fn yield_now() {
    std::thread::yield_now();
}

/// Runs code of the host, for example of a waker, and catches a panic: in a `Drop` that may run
/// during unwinding, where a second panic would abort the process, or on the admin side. Returns
/// `None` if it panicked.
pub(crate) fn contained<T>(code: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(code)) {
        Ok(done) => Some(done),
        Err(panic) => {
            // The panic hook has already reported it. The payload is a value of the host and may
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
    fn a_panic_is_caught_even_if_dropping_its_payload_panics() {
        contained(|| resume_unwind(Box::new(PanicsWhenDropped)));
    }

    #[test]
    fn a_lock_is_usable_after_a_panic_and_has_the_last_value() {
        static LOCK: Mutex<u32> = Mutex::new(1);
        contained(|| {
            let mut locked = LOCK.lock();
            *locked = 2;
            resume_unwind(Box::new("while locked"));
        });
        assert_eq!(*LOCK.lock(), 2);
    }
}
