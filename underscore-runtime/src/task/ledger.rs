//! The book of one route, or of all background work: the tasks that live, and what became of those that ended.
//!
//! It has a page per shard, and a task is entered and struck off on the same page under one lock. So
//! `total = active + ended` on every page at every moment, and `active` cannot leak, for it is the
//! number of entries. Two workers share a page only when there are more of them than pages, or
//! when a task ends on another thread than it began on.
//!
//! What a page counts in one second it keeps to itself, and hands it to the route's window when it goes on to the
//! next second, when it has no place for another response time, or when somebody asks. A route takes at
//! most 63 KB for all time, and what its live tasks take.

use std::sync::LazyLock;

use crossbeam_utils::CachePadded;
use slab::Slab;

use super::{Task, TaskId, shard, shards};
use crate::clock::Instant;
use crate::stats::{Counts, Outcome, Recent, Second, StatsSnapshot, StatusClass, WINDOWS, Window};
use crate::sync::{Arc, Mutex};

/// How many entries are copied under one lock, so that a listing never holds a request up for long.
const CHUNK: usize = 128;

/// The live tasks of a route and the statistics of the ended ones.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// A power of two, so that a thread finds its own by masking.
    pages: Box<[CachePadded<Mutex<Page>>]>,
    window: Mutex<Window>,
}

#[derive(Debug, Default)]
struct Page {
    live: Slab<Arc<Task>>,
    ended: Counts,
    /// The current second; what is not here is in the window.
    second: Second,
}

impl Page {
    /// What is counted in `second`.
    #[inline]
    fn second(&mut self, second: u64, window: &Mutex<Window>) -> &mut Second {
        if !self.second.takes(second) {
            self.hand_over(second, window);
        }
        &mut self.second
    }

    /// Under the page's lock: what was counted is in the page or in the window, never in neither.
    #[cold]
    fn hand_over(&mut self, next: u64, window: &Mutex<Window>) {
        if !self.second.is_empty() {
            window.lock().add(&self.second);
        }
        self.second.restart(next);
    }
}

/// Where in its ledger a task is entered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    page: u32,
    entry: u32,
}

impl Place {
    #[inline]
    pub(super) fn to_bits(self) -> u64 {
        u64::from(self.page) << 32 | u64::from(self.entry)
    }

    #[inline]
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the halves that were put together"
    )]
    pub(super) fn from_bits(bits: u64) -> Self {
        Place {
            page: (bits >> 32) as u32,
            entry: bits as u32,
        }
    }
}

impl Ledger {
    pub(crate) fn new() -> Self {
        let pages = (0..shards()).map(|_| CachePadded::default()).collect();
        Ledger {
            pages,
            window: Mutex::new(Window::new()),
        }
    }

    /// The one for work that is no request. What became of that is not shown anywhere; it is counted
    /// all the same, for a ledger has one way to strike off.
    pub(crate) fn of_background() -> &'static Ledger {
        static BACKGROUND: LazyLock<Ledger> = LazyLock::new(Ledger::new);
        &BACKGROUND
    }

    /// Enters a task, and counts its beginning.
    #[inline]
    pub(crate) fn enter(&self, task: Arc<Task>) -> Place {
        let number = self.own_page();
        let second = task.started.second();
        let mut page = self.page(number).lock();
        page.second(second, &self.window).begin();
        let entry = page.live.insert(task);
        Place {
            page: as_u32(number),
            entry: as_u32(entry),
        }
    }

    /// The number of the calling thread's page.
    #[inline]
    fn own_page(&self) -> usize {
        shard() & self.pages.len().wrapping_sub(1)
    }

    /// The page with a number that was made here.
    #[inline]
    #[allow(
        clippy::indexing_slicing,
        reason = "numbers are masked by the number of pages, which stays the same"
    )]
    fn page(&self, number: usize) -> &Mutex<Page> {
        &self.pages[number]
    }

    /// How many tasks live now.
    pub(crate) fn active(&self) -> u64 {
        let live = self.pages.iter().map(|page| page.lock().live.len() as u64);
        live.sum()
    }

    /// Strikes a task off and counts its end. The time is counted for answers of the handler only.
    #[inline]
    pub(crate) fn strike_off(
        &self,
        place: Place,
        outcome: Outcome,
        status: Option<StatusClass>,
        answered: Option<(Instant, Instant)>,
    ) {
        let mut page = self.page(place.page as usize).lock();
        page.live.try_remove(place.entry as usize);
        page.ended.record(outcome, status);
        if let Some((begun, ended)) = answered {
            let nanos = ended.nanos_since(begun);
            page.ended.record_time(nanos);
            page.second(ended.second(), &self.window).answer(nanos);
        }
    }

    /// Counts a task that was over as soon as it began: no entry, one lock.
    pub(crate) fn count(&self, outcome: Outcome, status: Option<StatusClass>, begun: Instant) {
        let mut page = self.page(self.own_page()).lock();
        page.ended.record(outcome, status);
        page.second(begun.second(), &self.window).begin();
    }

    /// The task at `place` if it is still `id`: the entry may be another task's by now.
    pub(crate) fn find(&self, place: Place, id: TaskId) -> Option<Arc<Task>> {
        let page = self.pages.get(place.page as usize)?.lock();
        let task = page.live.get(place.entry as usize)?;
        (task.id == id).then(|| Arc::clone(task))
    }

    /// Calls `each` with every live task. No lock is held meanwhile; a task that begins or ends while
    /// this goes on may be met or not, and none is met twice.
    pub(crate) fn for_each(&self, mut each: impl FnMut(Arc<Task>)) {
        let mut copied = Vec::with_capacity(CHUNK);
        for page in &self.pages {
            let mut next = 0_usize;
            loop {
                {
                    let page = page.lock();
                    let capacity = page.live.capacity();
                    let end = capacity.min(next.saturating_add(CHUNK));
                    copied.extend((next..end).filter_map(|entry| page.live.get(entry).cloned()));
                    next = if end == capacity { usize::MAX } else { end };
                }
                copied.drain(..).for_each(&mut each);
                if next == usize::MAX {
                    break;
                }
            }
        }
    }

    /// The bytes it takes, besides its live tasks.
    #[cfg(test)]
    pub(crate) fn memory(most_pages: usize) -> usize {
        most_pages * size_of::<CachePadded<Mutex<Page>>>() + Window::new().memory()
    }

    /// Whether its window has nothing from the last minutes.
    #[cfg(test)]
    pub(crate) fn is_idle(&self, now: Instant) -> bool {
        self.window.lock().is_idle(now.second())
    }

    /// The counts now.
    pub(crate) fn snapshot(&self) -> StatsSnapshot {
        let mut snapshot = StatsSnapshot::default();
        for page in &self.pages {
            let page = page.lock();
            snapshot.active = snapshot.active.saturating_add(page.live.len() as u64);
            snapshot.ended.add(&page.ended);
        }
        snapshot
    }

    /// What happened in the last minutes.
    pub(crate) fn recent(&self) -> [Recent; WINDOWS.len()] {
        let now = Instant::now();
        for page in &self.pages {
            page.lock().hand_over(now.second(), &self.window);
        }
        let window = self.window.lock();
        if window.is_idle(now.second()) {
            return Default::default();
        }
        // A copy is read, for to read takes some hundred microseconds, and requests may want the window.
        let copy = window.clone();
        drop(window);
        copy.read(now.second(), now.into_second())
    }
}

/// Pages are at most 16, and four thousand million tasks do not fit in memory.
fn as_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
