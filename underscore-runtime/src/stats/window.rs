//! The last fifteen minutes of a route, in fixed memory. The caller passes the time, so that tests
//! can simulate it.
//!
//! Counts, sums and the longest time are kept per second, so a window is at most one second off.
//! The same holds for percentiles while the blocks of all seconds fit; see `compressed`.

use std::time::Duration;

use super::history::History;
use super::ring::{KEPT, Ring};
use super::second::Second;

/// The lengths of the windows in seconds.
pub(crate) const WINDOWS: [u64; 3] = [60, 5 * 60, 15 * 60];

/// The counts of one second.
#[derive(Clone, Copy, Debug, Default)]
struct Total {
    begun: u32,
    answered: u32,
    nanos: u64,
    longest: u64,
}

/// The counts in one of the [`WINDOWS`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Recent {
    begun: u64,
    answered: u64,
    nanos: u64,
    longest: u64,
    percentiles: [u64; 3],
    /// The current length of the window.
    length: Duration,
}

/// A measure of response times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    Average,
    P50,
    P90,
    P99,
    Longest,
}

impl Recent {
    /// The value of `measure`, `None` if there were no answers.
    pub(crate) fn time(&self, measure: Measure) -> Option<Duration> {
        let average = self.nanos.checked_div(self.answered)?;
        let [p50, p90, p99] = self.percentiles;
        let nanos = match measure {
            Measure::Average => average,
            // The middle of a bucket may be above the longest time.
            Measure::P50 => p50.min(self.longest),
            Measure::P90 => p90.min(self.longest),
            Measure::P99 => p99.min(self.longest),
            Measure::Longest => self.longest,
        };
        Some(Duration::from_nanos(nanos))
    }

    /// Number of begun tasks.
    pub(crate) fn begun(&self) -> u64 {
        self.begun
    }

    /// Begun tasks per second.
    #[allow(clippy::cast_precision_loss, reason = "shown with three decimals")]
    pub(crate) fn rate(&self) -> f64 {
        if self.begun == 0 {
            return 0.0;
        }
        self.begun as f64 / self.length.as_secs_f64()
    }

    fn add(&mut self, total: Total) {
        self.begun = self.begun.saturating_add(total.begun.into());
        self.answered = self.answered.saturating_add(total.answered.into());
        self.nanos = self.nanos.saturating_add(total.nanos);
        self.longest = self.longest.max(total.longest);
    }
}

/// The last fifteen minutes: 59 KB, allocated with the route's first request.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    totals: Ring<Total>,
    history: History,
}

impl Window {
    pub(crate) fn new() -> Self {
        Window {
            totals: Ring::new(),
            history: History::new(),
        }
    }

    /// Adds the counts of one shard, which may be of an earlier second. Counts older than the ring
    /// are dropped. Does not allocate.
    pub(super) fn add(&mut self, counted: &Second) {
        self.totals.advance(counted.at, |_, _| ());
        let Some(total) = self.totals.get_mut(counted.at) else {
            return;
        };
        let answers = counted.answers();
        let answered = u32::try_from(answers.clone().count()).unwrap_or(u32::MAX);
        total.begun = total.begun.saturating_add(counted.begun);
        total.answered = total.answered.saturating_add(answered);
        total.nanos = total.nanos.saturating_add(counted.nanos);
        total.longest = total.longest.max(counted.longest);
        if answered > 0 {
            self.history.add(counted.at, answers);
        }
    }

    /// True if there are no counts in the last fifteen minutes.
    pub(crate) fn is_idle(&self, now: u64) -> bool {
        self.totals.newest().saturating_add(KEPT) <= now
    }

    /// Reads each of the [`WINDOWS`]. They end `within` the second `now`.
    pub(crate) fn read(&self, now: u64, within: Duration) -> [Recent; WINDOWS.len()] {
        // Another thread may have counted in a later second after the caller read the clock.
        let now = now.max(self.totals.newest());
        let percentiles = self.history.percentiles(now, WINDOWS);
        let mut seconds = self.totals.iter().rev().peekable();
        let mut all = Recent::default();
        let mut of_window = percentiles.into_iter();
        WINDOWS.map(|window| {
            let first = now.saturating_sub(window);
            while let Some((_, total)) = seconds.next_if(|(second, _)| *second > first) {
                all.add(total);
            }
            Recent {
                percentiles: of_window.next().flatten().unwrap_or_default(),
                length: Duration::from_secs(window.saturating_sub(1)).saturating_add(within),
                ..all
            }
        })
    }

    /// Allocated bytes.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        self.totals.memory() + self.history.memory()
    }
}
