//! The statistics of one route: how many of its requests began, what became of those that ended,
//! and how long their responses took.
//!
//! Each thread counts in a shard of its own. A task is counted as begun in the shard of the thread
//! that it begins on, and as ended in that of the thread that it ends on. The active ones are those
//! that began and did not end: there is no third counter that could disagree.

use crossbeam_utils::CachePadded;

use super::counts::{Counts, Outcome, StatsSnapshot, StatusClass};
use super::second::Second;
use super::shard::{ResponseTime, StatsShard};
use super::window::{Recent, WINDOWS, Window};
use crate::clock::Instant;
use crate::sync::{AtomicCell, Mutex};

/// How many threads have a shard of their own. All further ones share one, under a lock.
pub(crate) const SHARDS: usize = 24;

/// How often a snapshot is read again because tasks have ended meanwhile.
const MOST_READS: usize = 16;

/// All counters of a route.
#[derive(Debug)]
pub(crate) struct RouteStats {
    /// By the thread's index, each from the first time that the thread counts here.
    shards: [AtomicCell<Option<&'static StatsShard>>; SHARDS],
    /// Of the threads that have none of their own.
    shared: AtomicCell<Option<&'static StatsShard>>,
    /// Held to write in `shared`, and to add a shard.
    adding: Mutex<()>,
    window: Mutex<Window>,
}

/// Which shard the calling thread counts in: an index that no other thread has at the same time, or
/// [`ShardIndex::SHARED`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShardIndex(u32);

impl ShardIndex {
    /// For a thread that has no index.
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
            // A lock in its place would be one on the hot path.
            assert!(AtomicCell::<Option<&'static StatsShard>>::is_lock_free());
        }
        RouteStats {
            shards: std::array::from_fn(|_| AtomicCell::new(None)),
            shared: AtomicCell::new(None),
            adding: Mutex::new(()),
            window: Mutex::new(Window::new()),
        }
    }

    /// Counts a task that begins.
    #[inline]
    pub(crate) fn begin(&self, index: ShardIndex, started: Instant) {
        let second = started.second();
        match self.own_shard(index) {
            Some(shard) => shard.begin(second, &self.window),
            None => self.begin_elsewhere(index, second),
        }
    }

    /// Counts a task that ends. `answered` is from when to when the handler took for its response.
    #[inline]
    pub(crate) fn end(
        &self,
        index: ShardIndex,
        outcome: Outcome,
        status: Option<StatusClass>,
        answered: Option<(Instant, Instant)>,
    ) {
        let answered = answered.map(|(started, at)| ResponseTime {
            second: at.second(),
            nanos: at.nanos_since(started),
        });
        match self.own_shard(index) {
            Some(shard) => shard.end(outcome, status, answered, &self.window),
            None => self.end_elsewhere(index, outcome, status, answered),
        }
    }

    /// Counts a task that was over as soon as it began.
    pub(crate) fn count(
        &self,
        index: ShardIndex,
        outcome: Outcome,
        status: Option<StatusClass>,
        at: Instant,
    ) {
        let second = at.second();
        match self.own_shard(index) {
            Some(shard) => shard.count(second, outcome, status, &self.window),
            None => self.with_new_or_shared(index, |shard| {
                shard.count(second, outcome, status, &self.window);
            }),
        }
    }

    /// The shard of the calling thread, if it has one here already.
    #[inline]
    fn own_shard(&self, index: ShardIndex) -> Option<&'static StatsShard> {
        self.shards.get(index.0 as usize)?.load()
    }

    /// Apart, as the next one: a closure made where `begin` is inlined takes 35 instructions a request.
    #[cold]
    #[inline(never)]
    fn begin_elsewhere(&self, index: ShardIndex, second: u64) {
        self.with_new_or_shared(index, |shard| shard.begin(second, &self.window));
    }

    #[cold]
    #[inline(never)]
    fn end_elsewhere(
        &self,
        index: ShardIndex,
        outcome: Outcome,
        status: Option<StatusClass>,
        answered: Option<ResponseTime>,
    ) {
        self.with_new_or_shared(index, |shard| {
            shard.end(outcome, status, answered, &self.window);
        });
    }

    /// Calls `count` with the thread's own shard, which is added, or with the shared one.
    fn with_new_or_shared(&self, index: ShardIndex, count: impl FnOnce(&StatsShard)) {
        let _adding = self.adding.lock();
        let cell = self.shards.get(index.0 as usize).unwrap_or(&self.shared);
        let shard = cell.load().unwrap_or_else(|| {
            // On cache lines of its own. Never freed, as the route is not.
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

    /// How many tasks are active.
    pub(crate) fn active(&self) -> u64 {
        self.snapshot().active
    }

    /// The counters now.
    ///
    /// Ends are read before beginnings: what is found to have ended is found to have begun. A task
    /// that ended between the two would count as active still, so the ends are read again until
    /// none has come: no more are active than were at one time. On a route that has ends all the
    /// time, some may be active still that ended during the last read.
    pub(crate) fn snapshot(&self) -> StatsSnapshot {
        let (mut ended, mut begun) = (self.ended(), self.begun());
        for _ in 0..MOST_READS {
            let again = self.ended();
            if again.total() == ended.total() {
                break;
            }
            (ended, begun) = (again, self.begun());
        }
        StatsSnapshot {
            active: begun.saturating_sub(ended.total()),
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

    /// What happened in the last minutes.
    pub(crate) fn recent(&self) -> [Recent; WINDOWS.len()] {
        let now = Instant::now();
        // While it is held, no shard hands over.
        let window = self.window.lock();
        let current: Vec<Second> = self
            .all_shards()
            .map(StatsShard::current)
            .filter(|second| second.is_recent(now.second()))
            .collect();
        if window.is_idle(now.second()) && current.is_empty() {
            return Default::default();
        }
        // A copy, for reading takes some hundred microseconds, and a shard may want to hand over.
        let mut copy = window.clone();
        drop(window);
        for second in &current {
            copy.add(second);
        }
        copy.read(now.second(), now.subsec())
    }

    /// True if nothing happened in the last minutes.
    #[cfg(test)]
    pub(crate) fn is_idle(&self, now: Instant) -> bool {
        let window = self.window.lock();
        window.is_idle(now.second())
            && !self
                .all_shards()
                .any(|shard| shard.current().is_recent(now.second()))
    }

    /// The bytes that it takes with so many shards.
    #[cfg(test)]
    pub(crate) fn memory(shards: usize) -> usize {
        shards * size_of::<CachePadded<StatsShard>>() + Window::new().memory()
    }
}
