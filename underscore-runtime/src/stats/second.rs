//! What a shard counted in one second, on its way to the route's window.

use super::bucket::Bucket;
use super::ring::KEPT;

/// How many response times a shard holds before it hands them over: one lock taken in so many
/// requests.
pub(super) const HELD: usize = 32;

/// The tasks that began in one second, and the response times of those that were answered in it, or
/// the first so many of them.
#[derive(Debug)]
pub(super) struct Second {
    pub(super) at: u64,
    pub(super) begun: u32,
    pub(super) answered: u32,
    /// The sum of the response times.
    pub(super) nanos: u64,
    pub(super) longest: u64,
    pub(super) buckets: [Bucket; HELD],
}

impl Second {
    /// True if nothing was counted.
    pub(super) fn is_empty(&self) -> bool {
        self.begun == 0 && self.answered == 0
    }

    /// True if something was counted that is in a window which ends with the second `now`. A shard
    /// keeps its last second until the next one begins, which may be hours later.
    pub(super) fn is_recent(&self, now: u64) -> bool {
        !self.is_empty() && self.at.saturating_add(KEPT) > now
    }

    /// The response times.
    pub(super) fn answers(&self) -> &[Bucket] {
        self.buckets
            .get(..self.answered as usize)
            .unwrap_or(&self.buckets)
    }
}
