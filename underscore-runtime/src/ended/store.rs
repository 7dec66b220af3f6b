//! The records of all routes, in a fixed number. If it is reached, the route that has the most
//! loses its oldest: a route with many bad ends displaces only its own.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use super::kept::{Kept, Kind};
use super::record::{EndedRequest, Timeline};
use crate::clock::Instant;
use crate::routes::Route;
use crate::stats::Outcome;
use crate::sync::Mutex;
use crate::task::TaskId;

/// Maximum number of records. Each takes about one kilobyte, and eight at most.
pub(crate) const MAX_RECORDS: usize = 1_000;

static STORE: LazyLock<Mutex<Store>> = LazyLock::new(Mutex::default);

/// The records by the address of their route.
#[derive(Debug, Default)]
struct Store {
    routes: HashMap<usize, Kept>,
    len: usize,
}

/// What became of a task that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It ended like this, at this moment.
    Recorded(Outcome, Instant),
    /// It left no record: an ordinary end.
    Ordinary,
    /// It may have had a record that was displaced since.
    Unknown,
}

fn key(route: &'static Route) -> usize {
    std::ptr::from_ref(route).addr()
}

/// True if a slow request would be kept.
pub(super) fn has_room_for_slow(route: &'static Route, started: Instant, ended: Instant) -> bool {
    let store = STORE.lock();
    let kept = store.routes.get(&key(route));
    kept.is_none_or(|kept| kept.has_room_for_slow(started, ended))
}

/// Adds a record: among the slow requests, among those with this bad end, or both.
pub(super) fn add(record: EndedRequest, as_slow: bool, bad: Option<Kind>) {
    let route = record.request.route;
    let record = Arc::new(record);
    let mut store = STORE.lock();
    store.change(key(route), |kept| {
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

impl Store {
    /// The record of a task that was last seen on `route`.
    fn find(&self, route: &'static Route, id: TaskId) -> Option<&Arc<EndedRequest>> {
        let of_route = self.routes.get(&key(route)).and_then(|kept| kept.find(id));
        // It may have continued on the route of a handler since.
        let anywhere = || self.routes.values().find_map(|kept| kept.find(id));
        of_route.or_else(|| route.identity.is_of_layer().then(anywhere)?)
    }

    fn change(&mut self, route: usize, change: impl FnOnce(&mut Kept)) {
        let kept = self.routes.entry(route).or_default();
        let before = kept.len();
        change(kept);
        let after = kept.len();
        self.len = self.len.saturating_sub(before).saturating_add(after);
    }
}

/// Adds the timeline of a task that is gone to its record, if it has one.
pub(crate) fn attach(route: &'static Route, id: TaskId, timeline: Timeline) {
    let store = STORE.lock();
    if let Some(record) = store.find(route, id) {
        // Only the sampler sets it, once.
        let _ = record.timeline.set(timeline);
    }
}

/// What became of a task of `route` that is gone. `bad_ends` is the number of the route's bad ends
/// when the task was last seen.
pub(crate) fn fate(route: &'static Route, id: TaskId, bad_ends: u64) -> Fate {
    let store = STORE.lock();
    let bad_ends_now = store
        .routes
        .get(&key(route))
        .map_or(0, |kept| kept.bad_ends);
    match store.find(route, id) {
        Some(record) => Fate::Recorded(record.outcome, record.ended),
        None if bad_ends_now == bad_ends => Fate::Ordinary,
        None => Fate::Unknown,
    }
}

/// Number of bad ends of `route` so far.
pub(crate) fn bad_ends(route: &'static Route) -> u64 {
    let store = STORE.lock();
    let kept = store.routes.get(&key(route));
    kept.map_or(0, |kept| kept.bad_ends)
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
