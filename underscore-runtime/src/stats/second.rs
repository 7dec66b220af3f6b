//! The counts of a shard in one second, on their way to the route's window.

use super::bucket::Bucket;
use super::end::End;
use super::ring::KEPT;

/// Number of ends that a shard holds before it moves them to the window and the totals: their lock
/// is taken once per this number of requests.
pub(super) const HELD: usize = 32;

/// The tasks that began in one second, and those that ended in it, at most [`HELD`].
#[derive(Debug)]
pub(super) struct Second {
    pub(super) at: u64,
    pub(super) begun: u32,
    pub(super) ended: u32,
    /// Sum of the response times in nanoseconds.
    pub(super) nanos: u64,
    /// The longest response time in nanoseconds.
    pub(super) longest: u64,
    pub(super) ends: [End; HELD],
}

impl Second {
    /// True if the second has no counts.
    pub(super) fn is_empty(&self) -> bool {
        self.begun == 0 && self.ended == 0
    }

    /// True if it has counts in a window that ends with the second `now`. A shard keeps its last
    /// second until the next one with a request, which may be hours later.
    pub(super) fn is_recent(&self, now: u64) -> bool {
        !self.is_empty() && self.at.saturating_add(KEPT) > now
    }

    /// The ends.
    pub(super) fn ends(&self) -> &[End] {
        self.ends.get(..self.ended as usize).unwrap_or(&self.ends)
    }

    /// The ends with the handler's answer: those whose times the window has.
    pub(super) fn answers(&self) -> impl Iterator<Item = Bucket> + Clone {
        let completed = self.ends().iter().filter(|end| end.key().is_completed());
        completed.map(|end| end.bucket())
    }
}
