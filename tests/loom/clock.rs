//! The stand-in for the clock: it stands still, and a model says which second it means.

use std::time::Duration;

/// A moment, to the second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instant(u64);

impl Instant {
    pub(crate) fn now() -> Self {
        Instant::at(1_000)
    }

    pub(crate) fn at(second: u64) -> Self {
        Instant(second)
    }

    pub(crate) fn second(self) -> u64 {
        self.0
    }

    /// The second is over: a rate is taken over all of it.
    #[allow(clippy::unused_self, reason = "as the one it stands for")]
    pub(crate) fn into_second(self) -> Duration {
        Duration::from_secs(1)
    }

    pub(crate) fn nanos_since(self, earlier: Instant) -> u64 {
        (self.0 - earlier.0) * 1_000_000_000
    }
}
