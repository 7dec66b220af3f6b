//! The stand-in for the clock: it stands still, and a model says which second it is.

use std::cell::Cell;
use std::time::Duration;

use crate::sync::atomic::{AtomicU64, Ordering};

const SECOND: u64 = 1_000_000_000;

thread_local! {
    // std's, for loom plays all threads of a model on one. Not a step of any of them, as reading a
    // clock is none.
    static SECONDS: Cell<u64> = const { Cell::new(0) };
}

/// It is this second from now on.
pub(crate) fn set(second: u64) {
    SECONDS.set(second);
}

/// A moment, as the runtime's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instant(u64);

impl Instant {
    pub(crate) fn now() -> Self {
        Instant::at(SECONDS.get())
    }

    pub(crate) fn at(second: u64) -> Self {
        Instant(second * SECOND)
    }

    pub(crate) fn from_nanos(nanos: u64) -> Self {
        Instant(nanos)
    }

    pub(crate) fn nanos(self) -> u64 {
        self.0
    }

    pub(crate) fn second(self) -> u64 {
        self.0 / SECOND
    }

    /// The second is over: a rate is taken over all of it.
    #[allow(clippy::unused_self, reason = "as the one it stands for")]
    pub(crate) fn subsec(self) -> Duration {
        Duration::from_secs(1)
    }

    pub(crate) fn since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }

    pub(crate) fn nanos_since(self, earlier: Instant) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// As the runtime's, where nobody keeps the coarse clock: no model asks since when a task waits.
#[derive(Debug)]
pub(crate) struct AtomicInstant(AtomicU64);

impl AtomicInstant {
    pub(crate) fn never() -> Self {
        AtomicInstant(AtomicU64::new(0))
    }

    #[allow(clippy::unused_self, reason = "as the one it stands for")]
    pub(crate) fn set_coarse(&self) {}

    pub(crate) fn set(&self, moment: Option<Instant>) {
        self.0
            .store(moment.map_or(0, Instant::nanos), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> Option<Instant> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            nanos => Some(Instant(nanos)),
        }
    }
}
