//! The histograms of single seconds, compressed into consecutive blocks of a fixed buffer.
//!
//! If the buffer is full, two neighbouring blocks are merged and count as the newer one's second:
//! an answer may then leave a window some seconds late, and never early. The pair is chosen so that
//! the delay is a small share of the block's age. So old seconds lose resolution first, and the
//! edge of the last minute stays the sharpest.
//!
//! A second of fifty answers takes 27 bytes if half of them are within a factor of 1.4 of their
//! median, and fifteen minutes of that fit. Measured delays at the edges of one, five and fifteen
//! minutes: none, none and at most 3 s with a hundred answers a second; 1, 7 and 31 s with a
//! thousand; 3, 31 and 63 s with ten thousand.

use super::histogram::Histogram;
use super::ring::Ring;

/// Size of the buffer in bytes. Two blocks of any size fit, because a bucket takes at most 64 bits;
/// so merging always makes room for another one.
const ROOM: usize = 26 * 1024;

#[derive(Clone, Debug)]
pub(super) struct CompressedSeconds {
    /// Length of each second's block in bytes, zero if it has none or was merged into a later one.
    lengths: Ring<u16>,
    /// The blocks, oldest first.
    bytes: Box<[u8]>,
    used: usize,
    /// The second of the last expired block. The oldest block covers the time after it.
    expired: u64,
}

impl CompressedSeconds {
    pub(super) fn new() -> Self {
        CompressedSeconds {
            lengths: Ring::new(),
            bytes: vec![0; ROOM].into_boxed_slice(),
            used: 0,
            expired: 0,
        }
    }

    /// The newest second. It has no block before it is over.
    pub(super) fn newest(&self) -> u64 {
        self.lengths.newest()
    }

    /// Makes `second` the newest, and drops blocks that are too old.
    pub(super) fn advance(&mut self, second: u64) {
        let mut gone = 0_usize;
        self.lengths.advance(second, |second, length| {
            gone = gone.saturating_add(length.into());
            if length > 0 {
                self.expired = self.expired.max(second);
            }
        });
        let gone = gone.min(self.used);
        self.bytes.copy_within(gone..self.used, 0);
        self.used = self.used.saturating_sub(gone);
    }

    /// Adds answers to the block of a second, if it is still in the ring. Does not allocate.
    pub(super) fn add(&mut self, second: u64, answers: &Histogram) {
        if !self.lengths.keeps(second) {
            return;
        }
        // First, because the block of this second may be one of those that are merged.
        self.make_room(answers.size());
        match self.block(second) {
            [] => self.put(second, answers),
            block => {
                let mut sum = answers.clone();
                sum.add_block(block);
                self.put(second, &sum);
            }
        }
    }

    /// The seconds in the ring, newest first, each with its block.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut end = self.used;
        self.lengths.iter().rev().map(move |(second, length)| {
            let start = end.saturating_sub(length.into());
            let block = self.bytes.get(start..end).unwrap_or_default();
            end = start;
            (second, block)
        })
    }

    /// Merges neighbours until this number of bytes is free.
    fn make_room(&mut self, bytes: usize) {
        while self.used.saturating_add(bytes) > self.bytes.len() {
            let Some((older, newer)) = self.neighbours() else {
                return;
            };
            let mut sum = Histogram::new();
            sum.add_block(self.block(older));
            sum.add_block(self.block(newer));
            self.put(older, &Histogram::new());
            self.put(newer, &sum);
        }
    }

    /// The two neighbours to merge: those that cover the least time relative to their age.
    fn neighbours(&self) -> Option<(u64, u64)> {
        let newest = self.newest();
        let mut blocks = self.lengths.iter().filter(|(_, length)| *length > 0);
        let (mut older, _) = blocks.next()?;
        let mut before = self.expired;
        let mut best = None;
        for (newer, _) in blocks {
            let covered = newer.saturating_sub(before);
            let age = newest.saturating_sub(newer).saturating_add(1);
            // Compares `covered / age` without fractions.
            let is_less = |(_, least, its_age): (_, u64, u64)| {
                covered.saturating_mul(its_age) < least.saturating_mul(age)
            };
            if best.is_none_or(is_less) {
                best = Some(((older, newer), covered, age));
            }
            (before, older) = (older, newer);
        }
        best.map(|(pair, ..)| pair)
    }

    /// The block of a second; empty if it has none.
    fn block(&self, second: u64) -> &[u8] {
        let (start, end) = self.place(second);
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// The range of the block of a second, empty at its position if it has none.
    fn place(&self, second: u64) -> (usize, usize) {
        let older = self.lengths.iter().take_while(|(other, _)| *other < second);
        let start: usize = older.map(|(_, length)| usize::from(length)).sum();
        let length = usize::from(self.lengths.get(second).unwrap_or(0));
        (start, start.saturating_add(length))
    }

    /// Replaces the block of a second.
    fn put(&mut self, second: u64, answers: &Histogram) {
        let (start, end) = self.place(second);
        let size = answers.size();
        let gone = end.saturating_sub(start);
        let used = self.used.saturating_sub(gone).saturating_add(size);
        let new_end = start.saturating_add(size);
        let (Some(length), true) = (self.lengths.get_mut(second), used <= self.bytes.len()) else {
            return;
        };
        *length = u16::try_from(size).unwrap_or(u16::MAX);
        self.bytes.copy_within(end..self.used, new_end);
        self.used = used;
        if let Some(block) = self.bytes.get_mut(start..new_end) {
            answers.write(block);
        }
    }

    /// Allocated bytes.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.lengths.memory() + self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::bucket::{BUCKETS, Bucket};
    use super::*;

    fn answers(numbers: impl Iterator<Item = usize>) -> Histogram {
        let mut histogram = Histogram::new();
        numbers.for_each(|number| histogram.record(Bucket::from_number(number)));
        histogram
    }

    fn total(blocks: &CompressedSeconds) -> u64 {
        let mut sum = Histogram::new();
        blocks
            .newest_first()
            .for_each(|(_, block)| sum.add_block(block));
        sum.total()
    }

    #[test]
    fn a_full_buffer_keeps_every_answer_and_the_last_minute_by_the_second() {
        let mut blocks = CompressedSeconds::new();
        let (first, seconds) = (10_000, 900);
        for second in first..first + seconds {
            blocks.advance(second + 1);
            // Sixty buckets, different ones each second: 1.5 times the buffer.
            let start = usize::try_from(second % 97).expect("is small");
            blocks.add(second, &answers((0..60).map(|n| start + n * 4)));
        }
        assert!(blocks.used > ROOM - 1_000, "it is full");
        assert_eq!(total(&blocks), 60 * seconds);
        let with_block = |from: u64| {
            let blocks = blocks.newest_first().filter(|(_, block)| !block.is_empty());
            blocks.filter(|(second, _)| *second >= from).count()
        };
        assert_eq!(with_block(first + seconds - 60), 60);
        assert!(with_block(0) < 900, "some are merged");
        let ends = blocks.newest_first().filter(|(_, block)| !block.is_empty());
        let ends: Vec<u64> = ends.map(|(second, _)| second).collect();
        for pair in ends.windows(2) {
            let (delay, age) = (pair[0] - pair[1] - 1, first + seconds - pair[0]);
            assert!(delay * 20 <= age, "{delay} s in a block of {age} s ago");
        }
    }

    #[test]
    fn blocks_of_any_size_fit() {
        let mut blocks = CompressedSeconds::new();
        let mut most = answers(0..BUCKETS);
        for _ in 0..32 {
            most.add_all(&most.clone());
        }
        assert!(2 * most.size() <= ROOM, "two of the longest fit");
        for second in 10_000..10_100 {
            blocks.advance(second + 1);
            blocks.add(second, &most);
            blocks.add(second - 50, &answers(0..32));
        }
        assert!(blocks.used <= ROOM && total(&blocks) > 0);
        blocks.advance(20_000);
        assert_eq!((blocks.used, total(&blocks)), (0, 0));
    }
}
