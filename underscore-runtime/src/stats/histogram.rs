//! Histograms of response times: a counter per bucket for counting and reading, and a compressed
//! block for storage.
//!
//! For each bucket that is not empty, a block has the distance from the bucket before and the
//! count, both as gamma codes. Two merged blocks are never longer than both: distances only shrink,
//! and the code of a sum is at most two bits longer than that of its larger part, which is what the
//! two codes of the smaller part took.

use super::bucket::{BUCKETS, Bucket};
use super::elias_gamma::{Reader, Writer, bits};

/// A counter per bucket.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    /// On the heap: the caller may run on a small stack.
    counts: Box<[u32]>,
}

impl Histogram {
    pub(super) fn new() -> Self {
        Histogram {
            counts: vec![0; BUCKETS].into_boxed_slice(),
        }
    }

    /// Counts an answer.
    #[inline]
    pub(super) fn record(&mut self, bucket: Bucket) {
        self.add(bucket.number(), 1);
    }

    /// Adds the answers of a block.
    pub(super) fn add_block(&mut self, block: &[u8]) {
        let mut numbers = Reader::new(block);
        let mut bucket = 0;
        while let (Some(distance), Some(count)) = (numbers.next(), numbers.next()) {
            let distance = usize::try_from(distance).unwrap_or(BUCKETS);
            bucket = distance.saturating_add(bucket);
            // The first distance counts from the bucket before the first.
            self.add(bucket.wrapping_sub(1), count);
        }
    }

    /// Adds the answers of another histogram.
    pub(super) fn add_all(&mut self, other: &Histogram) {
        let counts = self.counts.iter_mut().zip(&other.counts);
        counts.for_each(|(mine, theirs)| *mine = mine.saturating_add(*theirs));
    }

    /// Allocated bytes.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.counts)
    }

    pub(super) fn clear(&mut self) {
        self.counts.fill(0);
    }

    /// Size of its block in bytes, zero if it is empty.
    pub(super) fn size(&self) -> usize {
        let bits = self
            .codes()
            .flat_map(|(gap, count)| [bits(gap), bits(count)]);
        bits.sum::<usize>().div_ceil(8)
    }

    /// Writes its block, which must have the size of [`size`](Self::size).
    pub(super) fn write(&self, block: &mut [u8]) {
        let mut writer = Writer::new(block);
        for (distance, count) in self.codes() {
            writer.put(distance);
            writer.put(count);
        }
        writer.finish();
    }

    /// The percentiles by nearest rank, in nanoseconds and within 1 %. `hundredths` must ascend.
    /// `None` if there are no answers.
    pub(super) fn percentiles<const N: usize>(&self, hundredths: [u64; N]) -> Option<[u64; N]> {
        let all = self.total();
        if all == 0 {
            return None;
        }
        let mut passed = 0;
        let mut counts = self.counts.iter().enumerate();
        let mut reached = 0;
        Some(hundredths.map(|share| {
            let rank = all.saturating_mul(share).div_ceil(100).max(1);
            while passed < rank {
                let Some((number, &count)) = counts.next() else {
                    break;
                };
                passed = u64::from(count).saturating_add(passed);
                reached = number;
            }
            Bucket::from_number(reached).nanos()
        }))
    }

    /// Number of answers.
    pub(super) fn total(&self) -> u64 {
        self.counts.iter().copied().map(u64::from).sum()
    }

    fn add(&mut self, number: usize, count: u32) {
        if let Some(known) = self.counts.get_mut(number) {
            *known = known.saturating_add(count);
        }
    }

    /// The distance and the count of each bucket that is not empty.
    fn codes(&self) -> impl Iterator<Item = (u32, u32)> {
        let mut distance = 0_u32;
        self.counts.iter().filter_map(move |&count| {
            distance = distance.saturating_add(1);
            (count > 0).then(|| (std::mem::take(&mut distance), count))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(times: &[u64]) -> Histogram {
        let mut histogram = Histogram::new();
        let buckets = times.iter().copied().map(Bucket::from_nanos);
        buckets.for_each(|bucket| histogram.record(bucket));
        histogram
    }

    fn block(histogram: &Histogram) -> Vec<u8> {
        let mut block = vec![0; histogram.size()];
        histogram.write(&mut block);
        block
    }

    #[test]
    fn blocks_are_read_back_and_add_up() {
        let (few, many) = (
            histogram(&[0, 1_000, u64::MAX]),
            histogram(&vec![1_000; 70_000]),
        );
        let mut sum = Histogram::new();
        sum.add_block(&block(&few));
        assert_eq!(sum.counts, few.counts);
        sum.add_block(&block(&many));
        let mut expected = few.clone();
        expected.add_all(&many);
        assert_eq!(sum.counts, expected.counts);
        assert_eq!(Histogram::new().size(), 0);
    }

    #[test]
    #[allow(clippy::cast_possible_truncation, reason = "any number works")]
    fn the_block_of_a_sum_is_never_longer_than_both_parts() {
        let mut seed = 1_u64;
        for round in 0..2_000 {
            let mut some = || {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let times = (0..(seed >> 33) as u32 % 40)
                    .map(|n| seed.rotate_left(n * 7) >> (seed >> 58))
                    .map(|time| time % (1 << (10 + round % 32)));
                histogram(&times.collect::<Vec<_>>())
            };
            let (one, other) = (some(), some());
            let mut sum = one.clone();
            sum.add_all(&other);
            assert!(sum.size() <= one.size() + other.size());
        }
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        let times: Vec<u64> = (1..=200).map(|n| n * 1_000_000).collect();
        let got = histogram(&times)
            .percentiles([1, 50, 90, 99, 100])
            .expect("not empty");
        for (got, exact) in got.into_iter().zip([2, 100, 180, 198, 200]) {
            let exact = exact * 1_000_000;
            assert!(got.abs_diff(exact) * 100 <= exact, "{got} is not {exact}");
        }
        assert_eq!(histogram(&[]).percentiles([50]), None);
    }
}
