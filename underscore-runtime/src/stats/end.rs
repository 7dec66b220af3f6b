//! The end of a task as a shard holds it, in 32 bits: the bucket of its time, its status and its
//! outcome.

use axum::http::StatusCode;

use super::bucket::{BUCKETS, Bucket};
use super::counts::Outcome;

/// Bits of the bucket, and of the status above it; the outcome is above both.
const BUCKET_BITS: u32 = 11;
const STATUS_BITS: u32 = 10;

const _: () = assert!(BUCKETS <= 1 << BUCKET_BITS && Outcome::ALL.len() <= 16);

/// The time, the status and the outcome of a task that has ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct End(u32);

/// The status and the outcome: what the ends in one row of the totals have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EndKey(u16);

impl End {
    #[inline]
    pub(super) fn new(bucket: Bucket, status: Option<StatusCode>, outcome: Outcome) -> Self {
        let key = EndKey::new(status.map_or(0, |status| status.as_u16()), outcome);
        End(u32::from(key.0) << BUCKET_BITS | u32::from(bucket.raw()))
    }

    #[inline]
    pub(super) fn raw(self) -> u32 {
        self.0
    }

    pub(super) fn from_raw(raw: u32) -> Self {
        End(raw)
    }

    #[allow(clippy::cast_possible_truncation, reason = "the bits of the bucket")]
    pub(super) fn bucket(self) -> Bucket {
        Bucket::from_raw((self.0 & ((1 << BUCKET_BITS) - 1)) as u16)
    }

    #[allow(clippy::cast_possible_truncation, reason = "14 bits are set")]
    pub(super) fn key(self) -> EndKey {
        EndKey((self.0 >> BUCKET_BITS) as u16)
    }
}

impl EndKey {
    /// `status` is a code, a single digit for the class of several codes, or zero for no response.
    #[inline]
    fn new(status: u16, outcome: Outcome) -> Self {
        EndKey((outcome as u16) << STATUS_BITS | status)
    }

    /// The status code, the first digit of several codes, or zero if there was no response.
    pub(super) fn status(self) -> u16 {
        self.0 & ((1 << STATUS_BITS) - 1)
    }

    pub(super) fn outcome(self) -> Outcome {
        let index = usize::from(self.0 >> STATUS_BITS);
        Outcome::ALL.get(index).copied().unwrap_or(Outcome::Failed)
    }

    /// True if the handler answered.
    #[inline]
    pub(super) fn is_completed(self) -> bool {
        const { assert!(Outcome::Completed as u16 == 0) }
        self.0 >> STATUS_BITS == 0
    }

    /// The key of the ends with the same outcome and any status of the same class.
    pub(super) fn folded(self) -> Self {
        EndKey(self.0 & !((1 << STATUS_BITS) - 1) | class_of(self.status()))
    }
}

/// The first digit of a status code; other numbers as they are. A status from 600 up, which HTTP
/// does not define, counts as 5xx (RFC 9110, section 15).
pub(crate) fn class_of(status: u16) -> u16 {
    match status {
        code @ 100.. => (code / 100).min(5),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_has_what_it_was_made_of() {
        for outcome in Outcome::ALL {
            for status in [
                None,
                StatusCode::from_u16(100).ok(),
                StatusCode::from_u16(999).ok(),
            ] {
                for number in [0, BUCKETS - 1] {
                    let bucket = Bucket::from_number(number);
                    let end = End::from_raw(End::new(bucket, status, outcome).raw());
                    assert_eq!(end.bucket(), bucket);
                    assert_eq!(end.key().outcome(), outcome);
                    assert_eq!(end.key().status(), status.map_or(0, |code| code.as_u16()));
                    assert_eq!(end.key().is_completed(), outcome == Outcome::Completed);
                }
            }
        }
    }

    #[test]
    fn a_folded_key_keeps_the_class_and_the_outcome() {
        for (status, digit) in [(0, 0), (204, 2), (599, 5), (999, 5), (4, 4)] {
            let key = EndKey::new(status, Outcome::Expired).folded();
            assert_eq!((key.status(), key.outcome()), (digit, Outcome::Expired));
        }
    }
}
