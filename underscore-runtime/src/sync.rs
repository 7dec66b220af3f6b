//! What threads meet at: the locks of this crate, and the one door to atomics, `Arc` and `Notify` for those
//! files whose interleavings are played through in `tests/loom`, with loom's behind this door.
//!
//! A lock here guards plain values for a few instructions, never across code of a user, so that nothing a
//! handler does can hold one.

pub(crate) use std::sync::{Arc, Weak, atomic};
pub(crate) use tokio::sync::Notify;

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
