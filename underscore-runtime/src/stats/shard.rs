//! The counters of one thread for one route. A shard has exactly one writer, so counting takes
//! loads and stores only; a `SeqCount` makes reads consistent.
//!
//! The ends of the current second stay here until the next second begins or there are [`HELD`] of
//! them. Then they move to the route's window and totals, under one lock.

use axum::http::StatusCode;

use super::bucket::Bucket;
use super::counts::{Counts, Outcome, StatusClass};
use super::end::End;
use super::merged::Merged;
use super::second::{HELD, Second};
use crate::seq_count::SeqCount;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The counters of one thread.
#[derive(Debug)]
pub(super) struct StatsShard {
    /// Guards all fields below except `begun`.
    writes: SeqCount,
    /// The current second. Earlier ones are merged.
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
    /// The longest response time of the current second.
    longest: AtomicU64,
    /// The ends of the current second: their number, and each of them.
    ended: AtomicU32,
    ends: [AtomicU32; HELD],
}

/// A task that ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct EndedTask {
    pub(super) outcome: Outcome,
    /// `None` if it had no response.
    pub(super) status: Option<StatusCode>,
    /// The second of its end, or of the head of its streaming response.
    pub(super) second: u64,
    /// The time from its begin until then.
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
            longest: AtomicU64::new(0),
            ended: AtomicU32::new(0),
            ends: std::array::from_fn(|_| AtomicU32::new(0)),
        }
    }

    /// Counts a task that begins in `second`.
    #[inline]
    pub(super) fn begin(&self, second: u64, merged: &Mutex<Merged>) {
        if self.second.load(Ordering::Relaxed) != second {
            self.hand_over(second, merged);
        }
        self.add_begun();
    }

    /// Counts a task that ends as it begins, so that no reader finds it active.
    pub(super) fn count(&self, task: EndedTask, merged: &Mutex<Merged>) {
        self.make_room(task.second, merged);
        self.writes.write(|| {
            self.add_begun();
            self.add_end(task);
        });
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

    /// Counts a task that ends.
    #[inline]
    pub(super) fn end(&self, task: EndedTask, merged: &Mutex<Merged>) {
        self.make_room(task.second, merged);
        self.writes.write(|| self.add_end(task));
    }

    /// Makes room for an end in `second`.
    #[inline]
    fn make_room(&self, second: u64, merged: &Mutex<Merged>) {
        if self.second.load(Ordering::Relaxed) != second
            || self.ended.load(Ordering::Relaxed) as usize >= HELD
        {
            self.hand_over(second, merged);
        }
    }

    #[inline]
    fn add_end(&self, task: EndedTask) {
        let EndedTask {
            outcome,
            status,
            nanos,
            ..
        } = task;
        if let Some(count) = self.outcomes.get(outcome as usize) {
            add_one(count);
        }
        let class = status.and_then(StatusClass::from_status);
        if let Some(count) = class.and_then(|class| self.statuses.get(class.index())) {
            add_one(count);
        }
        let ended = self.ended.load(Ordering::Relaxed);
        if let Some(free) = self.ends.get(ended as usize) {
            let end = End::new(Bucket::from_nanos(nanos), status, outcome);
            free.store(end.raw(), Ordering::Relaxed);
            self.ended.store(ended.wrapping_add(1), Ordering::Relaxed);
        }
        if outcome == Outcome::Completed {
            self.add_response_time(nanos);
        }
    }

    #[inline]
    fn add_response_time(&self, nanos: u64) {
        if nanos > self.longest.load(Ordering::Relaxed) {
            self.longest.store(nanos, Ordering::Relaxed);
        }
        let (sum, overflows) = self.nanos.load(Ordering::Relaxed).overflowing_add(nanos);
        self.nanos.store(sum, Ordering::Relaxed);
        if overflows {
            add_one(&self.nanos_high);
        }
    }

    /// Moves the counts of the current second to `merged`, and begins the second `next`.
    ///
    /// Under its lock, which a reader of both holds, so that a reader sees the counts exactly once.
    #[cold]
    #[inline(never)]
    fn hand_over(&self, next: u64, merged: &Mutex<Merged>) {
        let mut merged = merged.lock();
        let second = self.second();
        if !second.is_empty() {
            merged.add(&second);
        }
        self.writes.write(|| {
            let copy = |from: &AtomicU64, to: &AtomicU64| {
                to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
            };
            self.second.store(next, Ordering::Relaxed);
            self.begun_before.store(self.kept(), Ordering::Relaxed);
            copy(&self.nanos, &self.nanos_before);
            self.ended.store(0, Ordering::Relaxed);
            self.longest.store(0, Ordering::Relaxed);
        });
        // Not before: a reader that locked it earlier would see the second twice.
        drop(merged);
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

    /// The counts of the current second. The caller must hold the lock of the merged ones.
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
            ended: self.ended.load(Ordering::Relaxed),
            nanos: load(&self.nanos).wrapping_sub(load(&self.nanos_before)),
            longest: load(&self.longest),
            ends: std::array::from_fn(|index| {
                let end = self.ends.get(index);
                End::from_raw(end.map_or(0, |end| end.load(Ordering::Relaxed)))
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
