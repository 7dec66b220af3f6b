//! All ends of a route since the start of the process, by status, outcome and time. Shards move
//! theirs here together with the counts of the window.

use std::time::Duration;

use super::bucket::{BUCKETS, Bucket};
use super::counts::Outcome;
use super::end::{End, EndKey};
use super::second::Second;

/// The upper bounds in nanoseconds that OpenTelemetry advises for the duration of HTTP requests.
/// What is longer is above the last one.
pub(crate) const BOUNDS: [u64; 14] = {
    const MILLISECOND: u64 = 1_000_000;
    [
        5 * MILLISECOND,
        10 * MILLISECOND,
        25 * MILLISECOND,
        50 * MILLISECOND,
        75 * MILLISECOND,
        100 * MILLISECOND,
        250 * MILLISECOND,
        500 * MILLISECOND,
        750 * MILLISECOND,
        1_000 * MILLISECOND,
        2_500 * MILLISECOND,
        5_000 * MILLISECOND,
        7_500 * MILLISECOND,
        10_000 * MILLISECOND,
    ]
};

/// Number of counters of a row: one for each of the [`BOUNDS`], and one for what is longer.
pub(crate) const BOUNDED: usize = BOUNDS.len() + 1;

/// Number of rows with a status code of their own. Further codes share the row of their class, so a
/// handler with any number of codes takes bounded memory.
const EXACT: usize = 24;

/// Number of rows that are allocated at a time.
const GROWTH: usize = 4;

/// The index of the counter of each bucket: the first of the [`BOUNDS`] that is not below its
/// middle. Computed once, because a search would cost each request some instructions.
static INDICES: [u8; BUCKETS] = indices();

#[allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    reason = "evaluated by the compiler"
)]
const fn indices() -> [u8; BUCKETS] {
    let mut indices = [0; BUCKETS];
    let (mut number, mut index) = (0_usize, 0_usize);
    while number < BUCKETS {
        let middle = Bucket::from_raw(number as u16).nanos();
        while index < BOUNDS.len() && BOUNDS[index] < middle {
            index = index.wrapping_add(1);
        }
        indices[number] = index as u8;
        number = number.wrapping_add(1);
    }
    indices
}

/// The index of the counter of a time in nanoseconds.
pub(crate) fn bound_index(nanos: u64) -> usize {
    index_of(Bucket::from_nanos(nanos))
}

#[inline]
fn index_of(bucket: Bucket) -> usize {
    let index = INDICES.get(bucket.number());
    index.copied().unwrap_or_default().into()
}

/// The ends with one status and one outcome.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EndSeries {
    key: EndKey,
    /// The sum of their times.
    time: Duration,
    /// Their number by time, up to each of the [`BOUNDS`] and above the last, not cumulated.
    counts: [u64; BOUNDED],
}

impl EndSeries {
    fn new(key: EndKey) -> Self {
        EndSeries {
            key,
            time: Duration::ZERO,
            counts: [0; BOUNDED],
        }
    }

    pub(crate) fn outcome(&self) -> Outcome {
        self.key.outcome()
    }

    /// The status code, the first digit of several codes, or zero if there was no response.
    pub(crate) fn status(&self) -> u16 {
        self.key.status()
    }

    pub(crate) fn time(&self) -> Duration {
        self.time
    }

    pub(crate) fn counts(&self) -> &[u64; BOUNDED] {
        &self.counts
    }

    fn add_time(&mut self, time: Duration) {
        self.time = self.time.saturating_add(time);
    }

    #[inline]
    fn count(&mut self, bucket: Bucket) {
        if let Some(count) = self.counts.get_mut(index_of(bucket)) {
            *count = count.wrapping_add(1);
        }
    }
}

/// The ends of a route by status and outcome.
#[derive(Clone, Debug)]
pub(super) struct EndTotals {
    rows: Vec<EndSeries>,
}

impl EndTotals {
    pub(super) fn new() -> Self {
        EndTotals { rows: Vec::new() }
    }

    /// Adds the ends that a shard holds. Allocates only for a status or an outcome that is new.
    pub(super) fn add(&mut self, held: &Second) {
        let Some((first, others)) = held.ends().split_first() else {
            return;
        };
        if first.key().is_completed() && others.iter().all(|end| end.key() == first.key()) {
            // Nearly always. The shard knows the exact sum of its responses.
            let row = self.row(first.key());
            held.ends().iter().for_each(|end| row.count(end.bucket()));
            row.add_time(Duration::from_nanos(held.nanos));
        } else {
            held.ends().iter().for_each(|end| self.add_one(*end));
        }
    }

    /// Adds an end with the time in the middle of its bucket.
    fn add_one(&mut self, end: End) {
        let row = self.row(end.key());
        row.count(end.bucket());
        row.add_time(Duration::from_nanos(end.bucket().nanos()));
    }

    /// The row of the ends with this key.
    fn row(&mut self, key: EndKey) -> &mut EndSeries {
        let index = self.index(key).unwrap_or_else(|| {
            let key = if self.rows.len() < EXACT {
                key
            } else {
                key.folded()
            };
            self.index(key).unwrap_or_else(|| self.push(key))
        });
        #[allow(clippy::indexing_slicing, reason = "the row was found or added")]
        &mut self.rows[index]
    }

    fn index(&self, key: EndKey) -> Option<usize> {
        self.rows.iter().position(|row| row.key == key)
    }

    #[cold]
    fn push(&mut self, key: EndKey) -> usize {
        if self.rows.len() == self.rows.capacity() {
            self.rows.reserve_exact(GROWTH);
        }
        self.rows.push(EndSeries::new(key));
        self.rows.len().saturating_sub(1)
    }

    pub(super) fn into_rows(self) -> Vec<EndSeries> {
        self.rows
    }

    /// The most bytes that it allocates.
    #[cfg(test)]
    pub(super) fn max_memory() -> usize {
        // The classes of statuses, and no response.
        const FOLDED: usize = 6 * Outcome::ALL.len();
        (EXACT + FOLDED).next_multiple_of(GROWTH) * size_of::<EndSeries>()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::super::second::HELD;
    use super::*;

    const MILLISECOND: u64 = 1_000_000;

    /// Ends with these statuses, outcomes and times in milliseconds.
    fn held(ends: &[(u16, Outcome, u64)]) -> Second {
        let mut held = [End::default(); HELD];
        for (place, (status, outcome, time)) in held.iter_mut().zip(ends) {
            let bucket = Bucket::from_nanos(time * MILLISECOND);
            *place = End::new(bucket, StatusCode::from_u16(*status).ok(), *outcome);
        }
        let completed = ends.iter().filter(|end| end.1 == Outcome::Completed);
        Second {
            at: 7,
            begun: 0,
            ended: u32::try_from(ends.len()).expect("is small"),
            nanos: completed.map(|(.., time)| time * MILLISECOND).sum(),
            longest: 0,
            ends: held,
        }
    }

    fn total(row: &EndSeries) -> u64 {
        row.counts().iter().sum()
    }

    #[test]
    fn a_time_counts_up_to_the_first_bound_that_is_not_below_it() {
        let mut totals = EndTotals::new();
        for bound in BOUNDS {
            // More than 1 % off on both sides.
            for nanos in [bound - bound / 50, bound + bound / 50] {
                let bucket = Bucket::from_nanos(nanos);
                totals.add_one(End::new(bucket, None, Outcome::Completed));
            }
        }
        let mut expected = [2; BOUNDED];
        (expected[0], expected[BOUNDED - 1]) = (1, 1);
        assert_eq!(totals.into_rows()[0].counts(), &expected);
    }

    #[test]
    fn the_sum_of_responses_with_one_status_is_exact() {
        let mut totals = EndTotals::new();
        totals.add(&held(&[]));
        totals.add(&held(&[(200, Outcome::Completed, 7); 32]));
        let rows = totals.clone().into_rows();
        assert_eq!(rows[0].time(), Duration::from_millis(7 * 32));
        totals.add(&held(&[
            (200, Outcome::Completed, 7),
            (0, Outcome::Disconnected, 700),
        ]));
        let rows = totals.into_rows();
        assert_eq!(rows.iter().map(total).collect::<Vec<_>>(), [33, 1]);
        let off = rows[1].time().as_millis().abs_diff(700);
        assert!(off <= 7, "{off} ms");
    }

    #[test]
    fn further_statuses_share_the_row_of_their_class() {
        let mut totals = EndTotals::new();
        let mut all = 0;
        for status in 200..600 {
            for outcome in [Outcome::Completed, Outcome::Interrupted] {
                totals.add(&held(&[(status, outcome, 1), (status, outcome, 2)]));
                all += 2;
            }
        }
        let rows = totals.into_rows();
        let (exact, folded): (Vec<&EndSeries>, Vec<&EndSeries>) =
            rows.iter().partition(|row| row.status() >= 100);
        assert_eq!(exact.len(), EXACT);
        let mut classes: Vec<u16> = folded.iter().map(|row| row.status()).collect();
        classes.sort_unstable();
        assert_eq!(classes, [2, 2, 3, 3, 4, 4, 5, 5]);
        assert_eq!(rows.iter().map(total).sum::<u64>(), all);
    }
}
