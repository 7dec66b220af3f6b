//! The counters of one thread for one route. A shard has exactly one writer, so counting takes
//! loads and stores only; a `SeqCount` makes reads consistent.
//!
//! The response times of the current second stay here until the next second begins or there are
//! [`HELD`] of them. Then they move to the route's window, under the window's lock.

use super::bucket::Bucket;
use super::counts::{Counts, Outcome, StatusClass};
use super::second::{HELD, Second};
use super::window::Window;
use crate::seq_count::SeqCount;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering};

/// The counters of one thread.
#[derive(Debug)]
pub(super) struct StatsShard {
    /// Guards all fields below except `begun`.
    writes: SeqCount,
    /// The current second. Earlier ones are in the window.
    second: AtomicU64,
    begun: AtomicU64,
    /// Tasks that continue on another route.
    retracted: AtomicU64,
    outcomes: [AtomicU64; Outcome::ALL.len()],
    statuses: [AtomicU64; StatusClass::COUNT],
    /// Sum of all response times in nanoseconds, as a low and a high half.
    nanos: AtomicU64,
    nanos_high: AtomicU64,
    /// `begun` without `retracted`, and `nanos`, when the current second began.
    begun_before: AtomicU64,
    nanos_before: AtomicU64,
    /// The response times of the current second: their number, the longest, and the bucket of each.
    answered: AtomicU32,
    longest: AtomicU64,
    buckets: [AtomicU16; HELD],
}

/// The second of a response, and its time after the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct ResponseTime {
    pub(super) second: u64,
    pub(super) nanos: u64,
}

impl StatsShard {
    pub(super) fn new() -> Self {
        StatsShard {
            writes: SeqCount::new(),
            second: AtomicU64::new(0),
            begun: AtomicU64::new(0),
            retracted: AtomicU64::new(0),
            outcomes: array(),
            statuses: array(),
            nanos: AtomicU64::new(0),
            nanos_high: AtomicU64::new(0),
            begun_before: AtomicU64::new(0),
            nanos_before: AtomicU64::new(0),
            answered: AtomicU32::new(0),
            longest: AtomicU64::new(0),
            buckets: std::array::from_fn(|_| AtomicU16::new(0)),
        }
    }

    /// Counts a task that begins in `second`.
    #[inline]
    pub(super) fn begin(&self, second: u64, window: &Mutex<Window>) {
        self.advance_to(second, window);
        self.add_begun();
    }

    /// Counts a task that begins and ends in `second`, so that no reader finds it active.
    pub(super) fn count(
        &self,
        second: u64,
        outcome: Outcome,
        status: Option<StatusClass>,
        window: &Mutex<Window>,
    ) {
        self.advance_to(second, window);
        self.writes.write(|| {
            self.add_begun();
            self.add_end(outcome, status);
        });
    }

    /// Makes `second` the current one.
    #[inline]
    fn advance_to(&self, second: u64, window: &Mutex<Window>) {
        if self.second.load(Ordering::Relaxed) != second {
            self.hand_over(second, window);
        }
    }

    /// Takes back that a task has begun, perhaps on another thread. A counter of its own, which is
    /// read like the ends: a reader that sees it also sees the begin.
    pub(super) fn retract(&self) {
        self.writes.write(|| add_one(&self.retracted));
    }

    #[inline]
    fn add_begun(&self) {
        let begun = self.begun.load(Ordering::Relaxed).wrapping_add(1);
        // Release: a reader that counts this task and then reads the ends sees the ends before it.
        self.begun.store(begun, Ordering::Release);
    }

    #[inline]
    fn add_end(&self, outcome: Outcome, status: Option<StatusClass>) {
        if let Some(count) = self.outcomes.get(outcome as usize) {
            add_one(count);
        }
        if let Some(count) = status.and_then(|class| self.statuses.get(class.index())) {
            add_one(count);
        }
    }

    /// Counts a task that ends, and its response time if the handler answered.
    #[inline]
    pub(super) fn end(
        &self,
        outcome: Outcome,
        status: Option<StatusClass>,
        answered: Option<ResponseTime>,
        window: &Mutex<Window>,
    ) {
        if let Some(ResponseTime { second, .. }) = answered
            && !self.has_room(second)
        {
            self.hand_over(second, window);
        }
        self.writes.write(|| {
            self.add_end(outcome, status);
            if let Some(ResponseTime { nanos, .. }) = answered {
                self.record_time(nanos);
            }
        });
    }

    /// True if there is room for a response of `second`.
    #[inline]
    fn has_room(&self, second: u64) -> bool {
        self.second.load(Ordering::Relaxed) == second
            && (self.answered.load(Ordering::Relaxed) as usize) < HELD
    }

    #[inline]
    fn record_time(&self, nanos: u64) {
        let answered = self.answered.load(Ordering::Relaxed);
        if let Some(free) = self.buckets.get(answered as usize) {
            free.store(Bucket::from_nanos(nanos).raw(), Ordering::Relaxed);
            self.answered
                .store(answered.wrapping_add(1), Ordering::Relaxed);
        }
        if nanos > self.longest.load(Ordering::Relaxed) {
            self.longest.store(nanos, Ordering::Relaxed);
        }
        let (sum, overflows) = self.nanos.load(Ordering::Relaxed).overflowing_add(nanos);
        self.nanos.store(sum, Ordering::Relaxed);
        if overflows {
            add_one(&self.nanos_high);
        }
    }

    /// Moves the counts of the current second to the window, and begins the second `next`.
    ///
    /// Under the window's lock, which a reader of both holds, so that a reader sees the counts
    /// exactly once.
    #[cold]
    #[inline(never)]
    fn hand_over(&self, next: u64, window: &Mutex<Window>) {
        let mut window = window.lock();
        let second = self.second();
        if !second.is_empty() {
            window.add(&second);
        }
        self.writes.write(|| {
            let copy = |from: &AtomicU64, to: &AtomicU64| {
                to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
            };
            self.second.store(next, Ordering::Relaxed);
            self.begun_before.store(self.kept(), Ordering::Relaxed);
            copy(&self.nanos, &self.nanos_before);
            self.answered.store(0, Ordering::Relaxed);
            self.longest.store(0, Ordering::Relaxed);
        });
        // Not before: a reader that locked it earlier would see the second twice.
        drop(window);
    }

    /// Number of begun tasks.
    pub(super) fn begun(&self) -> u64 {
        // Relaxed: the fence in `read`, the next step of a snapshot, pairs with `add_begun`.
        self.begun.load(Ordering::Relaxed)
    }

    /// The counts of ended tasks, consistent at one moment.
    pub(super) fn ended(&self) -> Counts {
        self.read(|| {
            let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
            Counts::new(
                load(&self.retracted),
                std::array::from_fn(|index| self.outcomes.get(index).map_or(0, load)),
                std::array::from_fn(|index| self.statuses.get(index).map_or(0, load)),
                u128::from(load(&self.nanos_high)) << 64 | u128::from(load(&self.nanos)),
            )
        })
    }

    /// The counts of the current second. The caller must hold the window's lock.
    pub(super) fn current(&self) -> Second {
        self.read(|| self.second())
    }

    fn second(&self) -> Second {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let begun = self.kept().wrapping_sub(load(&self.begun_before));
        // Negative if more tasks of earlier seconds were taken back than have begun.
        let begun = begun.cast_signed().max(0);
        Second {
            at: load(&self.second),
            begun: u32::try_from(begun).unwrap_or(u32::MAX),
            answered: self.answered.load(Ordering::Relaxed),
            nanos: load(&self.nanos).wrapping_sub(load(&self.nanos_before)),
            longest: load(&self.longest),
            buckets: std::array::from_fn(|index| {
                let bucket = self.buckets.get(index);
                Bucket::from_raw(bucket.map_or(0, |bucket| bucket.load(Ordering::Relaxed)))
            }),
        }
    }

    /// Number of begun tasks that were not taken back.
    fn kept(&self) -> u64 {
        let retracted = self.retracted.load(Ordering::Relaxed);
        self.begun.load(Ordering::Relaxed).wrapping_sub(retracted)
    }

    /// Reads counters that are written together, and repeats if a write was under way. A write
    /// takes some nanoseconds and no lock.
    fn read<T>(&self, read: impl Fn() -> T) -> T {
        loop {
            if let Some(value) = self.writes.try_read(&read) {
                return value;
            }
            // The writer may need this processor.
            crate::sync::yield_now();
        }
    }
}

fn array<const N: usize>() -> [AtomicU64; N] {
    std::array::from_fn(|_| AtomicU64::new(0))
}

/// Increments a counter that has a single writer.
#[inline]
fn add_one(count: &AtomicU64) {
    let sum = count.load(Ordering::Relaxed).wrapping_add(1);
    count.store(sum, Ordering::Relaxed);
}
