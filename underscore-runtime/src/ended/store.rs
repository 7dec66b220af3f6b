//! The records of all routes, in a fixed number. If it is reached, the route that has the most
//! loses its oldest: a route with many bad ends displaces only its own.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, LazyLock, Weak};

use super::kept::{Kept, Kind};
use super::record::{EndedRequest, Timeline};
use crate::clock::Instant;
use crate::routes::Route;
use crate::stats::Outcome;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::task::TaskId;

/// Maximum number of records. Each takes about one kilobyte. Long texts take up to eight, and the
/// timeline of a deep recursion up to twenty.
pub(crate) const MAX_RECORDS: usize = 1_000;

/// Number of the newest records that are found by id, also after they were displaced.
const MAX_RECENT: usize = 2 * MAX_RECORDS;

static STORE: LazyLock<Mutex<Store>> = LazyLock::new(Mutex::default);

/// Number of records added so far.
static ADDED: AtomicU64 = AtomicU64::new(0);

/// The records by the address of their route.
#[derive(Debug, Default)]
struct Store {
    routes: HashMap<usize, Kept>,
    len: usize,
    recent: Recent,
}

/// The newest records, for the sampler: it has seen a task on one route, which may have ended on
/// another one, and asks within a tick of the end.
#[derive(Debug, Default)]
struct Recent {
    by_id: HashMap<TaskId, RecentEnd>,
    /// The oldest first.
    order: VecDeque<TaskId>,
}

#[derive(Debug)]
struct RecentEnd {
    outcome: Outcome,
    ended: Instant,
    /// Dead once the record was displaced.
    record: Weak<EndedRequest>,
}

/// What became of a task that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It ended like this, at this moment.
    Recorded(Outcome, Instant),
    /// It left no record: an ordinary end.
    Ordinary,
    /// It may have had a record among more than are found by id.
    Unknown,
}

/// True if a slow request would be kept.
pub(super) fn has_room_for_slow(route: &'static Route, started: Instant, ended: Instant) -> bool {
    let store = STORE.lock();
    let kept = store.routes.get(&route.address());
    kept.is_none_or(|kept| kept.has_room_for_slow(started, ended))
}

/// Adds a record: among the slow requests, among those with this bad end, or both.
pub(super) fn add(record: EndedRequest, as_slow: bool, bad: Option<Kind>) {
    let route = record.request.route;
    let record = Arc::new(record);
    let mut store = STORE.lock();
    // Relaxed: the release of the task's slot follows, and the sampler reads it after that.
    ADDED.fetch_add(1, Ordering::Relaxed);
    store.recent.add(&record);
    store.change(route.address(), |kept| {
        if as_slow {
            kept.add_slow(&record);
        }
        if let Some(kind) = bad {
            kept.add_bad(kind, &record);
        }
    });
    while store.len > MAX_RECORDS {
        let most = store.routes.iter().max_by_key(|(_, kept)| kept.len());
        let Some((&route, _)) = most else { break };
        store.change(route, Kept::drop_oldest);
    }
}

impl Recent {
    fn add(&mut self, record: &Arc<EndedRequest>) {
        if self.order.len() >= MAX_RECENT
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_id.remove(&oldest);
        }
        self.order.push_back(record.id);
        let end = RecentEnd {
            outcome: record.outcome,
            ended: record.ended,
            record: Arc::downgrade(record),
        };
        self.by_id.insert(record.id, end);
    }
}

impl Store {
    fn change(&mut self, route: usize, change: impl FnOnce(&mut Kept)) {
        let kept = self.routes.entry(route).or_default();
        let before = kept.len();
        change(kept);
        let after = kept.len();
        if after == 0 {
            // A full store looks at each route with each record.
            self.routes.remove(&route);
        }
        self.len = self.len.saturating_sub(before).saturating_add(after);
    }
}

/// Adds the timeline of a task that is gone to its record, if it has one.
pub(crate) fn attach(id: TaskId, timeline: Timeline) {
    let store = STORE.lock();
    let recent = store.recent.by_id.get(&id);
    if let Some(record) = recent.and_then(|end| end.record.upgrade()) {
        // Only the sampler sets it, once.
        let _ = record.timeline.set(timeline);
    }
}

/// What became of a task that is gone. `added` is the number of [`added`] records before the task
/// was last seen.
pub(crate) fn fate(id: TaskId, added: u64) -> Fate {
    let store = STORE.lock();
    match store.recent.by_id.get(&id) {
        Some(end) => Fate::Recorded(end.outcome, end.ended),
        None if self::added().wrapping_sub(added) <= MAX_RECENT as u64 => Fate::Ordinary,
        None => Fate::Unknown,
    }
}

/// Number of records added so far.
pub(crate) fn added() -> u64 {
    // Relaxed: see `add`.
    ADDED.load(Ordering::Relaxed)
}

/// Drops records that are older than they are kept.
pub(crate) fn drop_old(now: Instant) {
    let mut store = STORE.lock();
    let routes: Vec<usize> = store.routes.keys().copied().collect();
    for route in routes {
        store.change(route, |kept| kept.drop_old(now));
    }
}

/// All records, the newest first.
pub(crate) fn newest_first() -> Vec<Arc<EndedRequest>> {
    let store = STORE.lock();
    let mut known = HashSet::new();
    let all = store.routes.values().flat_map(Kept::iter);
    let mut records: Vec<_> = all
        .filter(|record| known.insert(record.id))
        .cloned()
        .collect();
    drop(store);
    records.sort_unstable_by_key(|record| std::cmp::Reverse((record.ended, record.id)));
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_without_records_is_forgotten() {
        let mut store = Store::default();
        store.change(1, |_| {});
        store.change(2, Kept::drop_oldest);
        assert!(store.routes.is_empty());
        assert_eq!(store.len, 0);
    }
}
