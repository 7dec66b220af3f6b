//! The coarse clock: a moment that one thread publishes every few milliseconds, so that a poll can
//! record its start without reading a clock.

use std::sync::atomic::{AtomicU64, Ordering};

use super::instant::Instant;

/// The last tick of the coarse clock, zero while it does not run.
static COARSE: AtomicU64 = AtomicU64::new(0);

/// Sets the coarse clock. Called every few milliseconds by one thread.
pub(crate) fn publish_coarse(now: Instant) {
    // Relaxed: an independent number, here and for all readers.
    COARSE.store(now.nanos(), Ordering::Relaxed);
}

/// The current tick, `None` while the coarse clock does not run.
pub(crate) fn coarse() -> Option<Instant> {
    match COARSE.load(Ordering::Relaxed) {
        0 => None,
        nanos => Some(Instant::from_nanos(nanos)),
    }
}

/// True while a thread publishes the coarse clock.
pub(crate) fn is_coarse_running() -> bool {
    COARSE.load(Ordering::Relaxed) != 0
}

/// Marks the coarse clock as not running.
pub(crate) fn stop_coarse() {
    COARSE.store(0, Ordering::Relaxed);
}

/// A tick of the coarse clock that one thread records and others read. Recording it costs a load
/// and a store.
#[derive(Debug)]
pub(crate) struct AtomicInstant(AtomicU64);

impl AtomicInstant {
    pub(crate) const fn never() -> Self {
        AtomicInstant(AtomicU64::new(0))
    }

    /// Records the current tick.
    #[inline]
    pub(crate) fn set_coarse(&self) {
        self.0
            .store(COARSE.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// True if the recorded tick is not the current one.
    #[inline]
    pub(crate) fn is_behind(&self) -> bool {
        self.0.load(Ordering::Relaxed) != COARSE.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn set(&self, moment: Option<Instant>) {
        self.0
            .store(moment.map_or(0, Instant::nanos), Ordering::Relaxed);
    }

    /// The recorded moment, `None` if the coarse clock did not run then.
    #[inline]
    pub(crate) fn get(&self) -> Option<Instant> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            nanos => Some(Instant::from_nanos(nanos)),
        }
    }
}
