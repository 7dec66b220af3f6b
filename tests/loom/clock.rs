//! Stand-in for the clock. It stands still; a model sets the second.

use std::cell::Cell;
use std::time::Duration;

use crate::sync::atomic::{AtomicU64, Ordering};

const SECOND: u64 = 1_000_000_000;

thread_local! {
    // std's, because loom runs all threads of a model on one. An access is no step of a model, as
    // reading a clock is none.
    static SECONDS: Cell<u64> = const { Cell::new(0) };
}

/// Sets the current second.
pub(crate) fn set(second: u64) {
    SECONDS.set(second);
}

/// Stand-in for the runtime's `Instant`.
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

    /// Elapsed time of the current second: the whole second.
    #[allow(clippy::unused_self, reason = "the signature of the runtime's")]
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

/// Stand-in for the runtime's `AtomicInstant` without a coarse clock, which no model reads.
#[derive(Debug)]
pub(crate) struct AtomicInstant(AtomicU64);

impl AtomicInstant {
    pub(crate) fn never() -> Self {
        AtomicInstant(AtomicU64::new(0))
    }

    #[allow(clippy::unused_self, reason = "the signature of the runtime's")]
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
