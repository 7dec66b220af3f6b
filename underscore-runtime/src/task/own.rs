//! What the thread that polls a task keeps in its record from poll to poll. It stands there and not
//! beside the future, so that what moves with the future is one pointer: moving a larger struct costs
//! more than all that is done with it.
//!
//! One thread at a time uses this, and whoever polls next was handed the future by the one before. So
//! plain loads and stores do, and `Relaxed` is enough for all of them.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::task::Waker;

use axum::http::StatusCode;

use super::Place;
use crate::stack::Keys;
use crate::stats::Outcome;

/// The part of `Own::said` that is the status.
const STATUS: u32 = 0xffff;

/// The poller's part of a task's record.
#[derive(Debug)]
pub(crate) struct Own {
    place: AtomicU64,
    keys: AtomicU64,
    waker_data: AtomicUsize,
    waker_vtable: AtomicUsize,
    /// The status it was answered with, and above it one more than the outcome that was said.
    said: AtomicU32,
}

impl Own {
    pub(super) const fn new() -> Self {
        Own {
            place: AtomicU64::new(0),
            keys: AtomicU64::new(0),
            waker_data: AtomicUsize::new(0),
            waker_vtable: AtomicUsize::new(0),
            said: AtomicU32::new(0),
        }
    }

    /// Where in its ledger the task is entered.
    #[inline]
    pub(crate) fn place(&self) -> Place {
        Place::from_bits(self.place.load(Ordering::Relaxed))
    }

    #[inline]
    pub(crate) fn set_place(&self, place: Place) {
        self.place.store(place.to_bits(), Ordering::Relaxed);
    }

    /// The keys in use in its stack.
    #[inline]
    pub(crate) fn keys(&self) -> Keys {
        Keys::from_bits(self.keys.load(Ordering::Relaxed))
    }

    #[inline]
    pub(crate) fn set_keys(&self, keys: Keys) {
        self.keys.store(keys.to_bits(), Ordering::Relaxed);
    }

    /// Remembers `waker`, and says whether it is another one than before.
    ///
    /// Two wakers that point to the same data with the same functions wake the same task. The copy that
    /// was left with the signal keeps that data alive until the task is told to end, so another task's
    /// waker cannot come to have its address before.
    #[inline]
    pub(crate) fn replace_waker(&self, waker: &Waker) -> bool {
        let data = waker.data().addr();
        let vtable = std::ptr::from_ref(waker.vtable()).addr();
        let same = self.waker_vtable.load(Ordering::Relaxed) == vtable
            && self.waker_data.load(Ordering::Relaxed) == data;
        if !same {
            self.waker_data.store(data, Ordering::Relaxed);
            self.waker_vtable.store(vtable, Ordering::Relaxed);
        }
        !same
    }

    /// The task was answered with `status`.
    #[inline]
    pub(crate) fn answer(&self, status: StatusCode) {
        let said = self.said.load(Ordering::Relaxed) & !STATUS | u32::from(status.as_u16());
        self.said.store(said, Ordering::Relaxed);
    }

    /// The status it was answered with, if it was.
    #[inline]
    pub(crate) fn status(&self) -> Option<StatusCode> {
        let status = u16::try_from(self.said.load(Ordering::Relaxed) & STATUS).ok()?;
        StatusCode::from_u16(status).ok()
    }

    /// This is why the task ends.
    #[inline]
    pub(crate) fn say(&self, outcome: Outcome) {
        let said = self.said.load(Ordering::Relaxed) & STATUS | u32::from(outcome.ordinal()) << 16;
        self.said.store(said, Ordering::Relaxed);
    }

    /// Takes back what was said.
    #[inline]
    pub(crate) fn take_back(&self) {
        let said = self.said.load(Ordering::Relaxed) & STATUS;
        self.said.store(said, Ordering::Relaxed);
    }

    /// Why it ends, if that was said.
    #[inline]
    pub(crate) fn said(&self) -> Option<Outcome> {
        let said = self.said.load(Ordering::Relaxed) >> 16;
        Outcome::ALL
            .get(usize::try_from(said).ok()?.checked_sub(1)?)
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_heard() {
        let own = Own::new();
        assert_eq!((own.said(), own.status()), (None, None));
        own.answer(StatusCode::IM_A_TEAPOT);
        assert_eq!(own.said(), None, "answered, and not over yet");
        for outcome in Outcome::ALL {
            own.say(outcome);
            assert_eq!(own.said(), Some(outcome));
            assert_eq!(own.status(), Some(StatusCode::IM_A_TEAPOT));
        }
        own.take_back();
        assert_eq!(own.said(), None);
        assert_eq!(own.status(), Some(StatusCode::IM_A_TEAPOT));
    }

    #[test]
    fn a_waker_is_new_once() {
        let own = Own::new();
        assert!(own.replace_waker(Waker::noop()));
        assert!(!own.replace_waker(Waker::noop()));
    }
}
