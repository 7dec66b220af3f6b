//! The response times of the last fifteen minutes: the newest second as a histogram, older ones
//! compressed.
//!
//! Rejected libraries: hdrhistogram at 1 % has 16 KB of counters and allocates to write and to read
//! its packed form; quantile sketches (`DDSketch`, t-digest) allocate as they grow, and none of
//! them can drop single seconds.

use super::bucket::Bucket;
use super::compressed::CompressedSeconds;
use super::histogram::Histogram;

/// The percentiles of a window.
const PERCENTILES: [u64; 3] = [50, 90, 99];

#[derive(Clone, Debug)]
pub(super) struct History {
    /// The answers of the newest second.
    open: Histogram,
    blocks: CompressedSeconds,
}

impl History {
    pub(super) fn new() -> Self {
        History {
            open: Histogram::new(),
            blocks: CompressedSeconds::new(),
        }
    }

    /// Adds answers of one second, which may be an earlier one.
    pub(super) fn add(&mut self, second: u64, answers: impl Iterator<Item = Bucket>) {
        let newest = self.blocks.newest();
        if second > newest {
            self.blocks.advance(second);
            self.blocks.add(newest, &self.open);
            self.open.clear();
        }
        if second >= newest {
            answers.for_each(|answer| self.open.record(answer));
        } else {
            let mut late = Histogram::new();
            answers.for_each(|answer| late.record(answer));
            self.blocks.add(second, &late);
        }
    }

    /// [`PERCENTILES`] in nanoseconds over windows that end with the second `now`, in ascending
    /// order of length.
    pub(super) fn percentiles<const N: usize>(
        &self,
        now: u64,
        windows: [u64; N],
    ) -> [Option<[u64; 3]>; N] {
        let mut all = Histogram::new();
        let mut seconds = self.blocks.newest_first().peekable();
        windows.map(|window| {
            let first = now.saturating_sub(window);
            while let Some((second, block)) = seconds.next_if(|(second, _)| *second > first) {
                if second == self.blocks.newest() {
                    all.add_all(&self.open);
                }
                all.add_block(block);
            }
            all.percentiles(PERCENTILES)
        })
    }

    /// Allocated bytes.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.open.memory() + self.blocks.memory()
    }
}
