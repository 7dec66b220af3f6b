//! Rounds durations to one of 1650 buckets: fifty equal ones per octave, from half a microsecond to
//! 73 minutes. Shorter durations count as the shortest, longer ones as the longest.

/// The first octave begins at 2^9 nanoseconds.
const LOWEST: u32 = 9;

/// 33 octaves, up to 2^42 nanoseconds.
const OCTAVES: u32 = 33;

/// A bucket is at most 2 % of its lower bound wide, so its middle is at most 1 % off.
const PER_OCTAVE: u64 = 50;

/// Number of buckets.
#[allow(clippy::cast_possible_truncation, reason = "small numbers")]
pub(super) const BUCKETS: usize = OCTAVES as usize * PER_OCTAVE as usize;

/// The number of a bucket, ascending with the duration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bucket(u16);

impl Bucket {
    /// The bucket of a duration in nanoseconds.
    #[inline]
    pub(super) fn from_nanos(nanos: u64) -> Self {
        let nanos = nanos.clamp(1 << LOWEST, (1 << (LOWEST + OCTAVES)) - 1);
        let octave = nanos.ilog2();
        // All intermediate values are below 2^48.
        let inside = nanos.wrapping_sub(1 << octave);
        let number = u64::from(octave.wrapping_sub(LOWEST))
            .wrapping_mul(PER_OCTAVE)
            .wrapping_add(inside.wrapping_mul(PER_OCTAVE) >> octave);
        Bucket(u16::try_from(number).unwrap_or(u16::MAX))
    }

    #[inline]
    pub(super) fn raw(self) -> u16 {
        self.0
    }

    pub(super) const fn from_raw(raw: u16) -> Self {
        Bucket(raw)
    }

    /// The bucket with this number.
    pub(super) fn from_number(number: usize) -> Self {
        Bucket(u16::try_from(number).unwrap_or(u16::MAX))
    }

    #[inline]
    pub(super) fn number(self) -> usize {
        usize::from(self.0)
    }

    /// The middle of the bucket in nanoseconds: at most 1 % from every duration in it.
    pub(super) const fn nanos(self) -> u64 {
        let number = self.0 as u64;
        let next = least(number.saturating_add(1));
        u64::midpoint(least(number), next.saturating_sub(1))
    }
}

/// The shortest duration in a bucket, in nanoseconds.
const fn least(number: u64) -> u64 {
    let octave = (LOWEST as u64).saturating_add(number / PER_OCTAVE);
    let inside = ((number % PER_OCTAVE) << octave).div_ceil(PER_OCTAVE);
    inside.saturating_add(1 << octave)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_bucket_is_at_most_one_percent_from_its_ends() {
        for number in 0..BUCKETS {
            let bucket = Bucket::from_number(number);
            let (from, to) = (least(number as u64), least(number as u64 + 1) - 1);
            for nanos in [from, to] {
                assert_eq!(Bucket::from_nanos(nanos), bucket, "{nanos}");
                assert!(bucket.nanos().abs_diff(nanos) * 100 <= nanos, "{nanos}");
            }
        }
    }

    #[test]
    fn a_duration_out_of_range_counts_as_the_nearest() {
        const MICROSECOND: u64 = 1_000;
        const HOUR: u64 = 3_600_000_000_000;
        assert_eq!(Bucket::from_nanos(0), Bucket::from_number(0));
        assert_eq!(
            Bucket::from_nanos(u64::MAX),
            Bucket::from_number(BUCKETS - 1)
        );
        assert!(Bucket::from_nanos(MICROSECOND).number() > 0);
        assert!(Bucket::from_nanos(HOUR).number() < BUCKETS - 1);
    }
}
