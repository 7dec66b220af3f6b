//! The statistics of one route: begun tasks, ended tasks by outcome, status and time.
//!
//! Each thread counts in its own shard. A task counts as begun in the shard of the thread on which
//! it begins, and as ended in that of the thread on which it ends. Active tasks are those begun
//! minus those ended or taken back: there is no further counter that could disagree.

use axum::http::StatusCode;
use crossbeam_utils::CachePadded;

use super::counts::{Counts, Outcome, StatsSnapshot};
use super::end_totals::EndSeries;
use super::merged::Merged;
use super::second::Second;
use super::shard::{EndedTask, StatsShard};
use super::window::{Recent, WINDOWS};
use crate::clock::Instant;
use crate::sync::{AtomicCell, Mutex};

/// Number of threads with their own shard. Further threads share one, under a lock.
pub(crate) const SHARDS: usize = 24;

/// Maximum number of repeated reads because tasks have ended meanwhile.
const MAX_READS: usize = 16;

/// All counters of a route.
#[derive(Debug)]
pub(crate) struct RouteStats {
    /// By thread index, each added when its thread first counts here.
    shards: [AtomicCell<Option<&'static StatsShard>>; SHARDS],
    /// The shard of the other threads.
    shared: AtomicCell<Option<&'static StatsShard>>,
    /// Held to write to `shared`, and to add a shard.
    adding: Mutex<()>,
    merged: Mutex<Merged>,
}

/// The index of the calling thread's shard: unique among live threads, or [`ShardIndex::SHARED`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShardIndex(u32);

impl ShardIndex {
    /// For threads without an index.
    pub(crate) const SHARED: ShardIndex = ShardIndex(u32::MAX);

    pub(crate) const fn new(index: u32) -> Self {
        ShardIndex(index)
    }

    pub(crate) fn number(self) -> u32 {
        self.0
    }
}

impl RouteStats {
    pub(crate) fn new() -> Self {
        const {
            // Otherwise it would take a lock in each request.
            assert!(AtomicCell::<Option<&'static StatsShard>>::is_lock_free());
        }
        RouteStats {
            shards: std::array::from_fn(|_| AtomicCell::new(None)),
            shared: AtomicCell::new(None),
            adding: Mutex::new(()),
            merged: Mutex::new(Merged::new()),
        }
    }

    /// Counts a task that begins.
    #[inline]
    pub(crate) fn begin(&self, index: ShardIndex, started: Instant) {
        let second = started.second();
        match self.own_shard(index) {
            Some(shard) => shard.begin(second, &self.merged),
            None => self.begin_slow(index, second),
        }
    }

    /// Takes back that a task has begun, because it continues on another route.
    #[cold]
    pub(crate) fn retract(&self, index: ShardIndex) {
        match self.own_shard(index) {
            Some(shard) => shard.retract(),
            None => self.with_new_or_shared(index, StatsShard::retract),
        }
    }

    /// Counts a task that ends. Its time is from `started` until `at`.
    #[inline]
    pub(crate) fn end(
        &self,
        index: ShardIndex,
        outcome: Outcome,
        status: Option<StatusCode>,
        (started, at): (Instant, Instant),
    ) {
        let task = EndedTask {
            outcome,
            status,
            second: at.second(),
            nanos: at.nanos_since(started),
        };
        match self.own_shard(index) {
            Some(shard) => shard.end(task, &self.merged),
            None => self.end_slow(index, task),
        }
    }

    /// Counts a task that ends as it begins.
    pub(crate) fn count(
        &self,
        index: ShardIndex,
        outcome: Outcome,
        status: Option<StatusCode>,
        at: Instant,
    ) {
        let task = EndedTask {
            outcome,
            status,
            second: at.second(),
            nanos: 0,
        };
        match self.own_shard(index) {
            Some(shard) => shard.count(task, &self.merged),
            None => self.with_new_or_shared(index, |shard| shard.count(task, &self.merged)),
        }
    }

    /// The shard of the calling thread, if it has been added.
    #[inline]
    fn own_shard(&self, index: ShardIndex) -> Option<&'static StatsShard> {
        self.shards.get(index.0 as usize)?.load()
    }

    /// A function of its own, as `end_slow`: a closure in the inlined `begin` takes 35 instructions
    /// a request.
    #[cold]
    #[inline(never)]
    fn begin_slow(&self, index: ShardIndex, second: u64) {
        self.with_new_or_shared(index, |shard| shard.begin(second, &self.merged));
    }

    #[cold]
    #[inline(never)]
    fn end_slow(&self, index: ShardIndex, task: EndedTask) {
        self.with_new_or_shared(index, |shard| shard.end(task, &self.merged));
    }

    /// Calls `count` with the thread's own shard, adding it, or with the shared one.
    fn with_new_or_shared(&self, index: ShardIndex, count: impl FnOnce(&StatsShard)) {
        let _adding = self.adding.lock();
        let cell = self.shards.get(index.0 as usize).unwrap_or(&self.shared);
        let shard = cell.load().unwrap_or_else(|| {
            // On its own cache lines. Never freed, like the route.
            let shard: &'static CachePadded<StatsShard> =
                Box::leak(Box::new(StatsShard::new().into()));
            cell.store(Some(shard));
            shard
        });
        count(shard);
    }

    fn all_shards(&self) -> impl Iterator<Item = &'static StatsShard> {
        let all = self.shards.iter().chain([&self.shared]);
        all.filter_map(AtomicCell::load)
    }

    /// Number of active tasks.
    pub(crate) fn active(&self) -> u64 {
        self.snapshot().active
    }

    /// The counters now.
    ///
    /// Ends are read before beginnings, so that each ended task is also counted as begun. A task
    /// that ends between the two reads would count as active, so the ends are read again until they
    /// are unchanged: the number of active tasks is then one that there was. On a route with
    /// constant traffic, tasks that ended during the last read may count as active.
    pub(crate) fn snapshot(&self) -> StatsSnapshot {
        let (mut ended, mut begun) = (self.ended(), self.begun());
        for _ in 0..MAX_READS {
            let again = self.ended();
            if again.gone() == ended.gone() {
                break;
            }
            (ended, begun) = (again, self.begun());
        }
        StatsSnapshot {
            active: begun.saturating_sub(ended.gone()),
            ended,
        }
    }

    fn ended(&self) -> Counts {
        let mut ended = Counts::default();
        for shard in self.all_shards() {
            ended.add(&shard.ended());
        }
        ended
    }

    fn begun(&self) -> u64 {
        self.all_shards().map(StatsShard::begun).sum()
    }

    /// The counts of the last minutes.
    pub(crate) fn recent(&self) -> [Recent; WINDOWS.len()] {
        let now = Instant::now();
        // While it is held, no shard moves its counts.
        let merged = self.merged.lock();
        let current: Vec<Second> = self
            .all_shards()
            .map(StatsShard::current)
            .filter(|second| second.is_recent(now.second()))
            .collect();
        if merged.window.is_idle(now.second()) && current.is_empty() {
            return Default::default();
        }
        // A copy, because reading takes some hundred microseconds, during which shards may need the
        // lock.
        let mut copy = merged.window.clone();
        drop(merged);
        for second in &current {
            copy.add(second);
        }
        copy.read(now.second(), now.subsec())
    }

    /// The tasks that have ended since the start, by status and outcome, each exactly once.
    pub(crate) fn ends(&self) -> Vec<EndSeries> {
        // While it is held, no shard moves its counts.
        let merged = self.merged.lock();
        let mut ends = merged.ends.clone();
        for shard in self.all_shards() {
            ends.add(&shard.current());
        }
        drop(merged);
        ends.into_rows()
    }

    /// True if there are no counts in the last minutes.
    #[cfg(test)]
    pub(crate) fn is_idle(&self, now: Instant) -> bool {
        let merged = self.merged.lock();
        merged.window.is_idle(now.second())
            && !self
                .all_shards()
                .any(|shard| shard.current().is_recent(now.second()))
    }

    /// Allocated bytes with this number of shards.
    #[cfg(test)]
    pub(crate) fn memory(shards: usize) -> usize {
        shards * size_of::<CachePadded<StatsShard>>() + Merged::max_memory()
    }
}
