//! What one scrape shows, collected before any of it is written.

use std::time::{Duration, SystemTime};

use crate::admin::cancellation::Cancellation;
use crate::admin::cat::routes;
use crate::admin::error::Error;
use crate::admin::root;
use crate::admin::words;
use crate::clock::Instant;
use crate::log;
use crate::route::RouteId;
use crate::routes::RouteEntry;
use crate::stats::{BlockingSnapshot, StatsSnapshot};
use crate::task::for_each_live;
use crate::threads::RuntimeNumber;
use crate::visible::visible;
use crate::workers::workers as all_workers;

/// All numbers there are.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// Since 1970.
    pub(super) started: Duration,
    pub(super) log_entries_lost: u64,
    pub(super) routes: Vec<RouteSeen>,
    /// How many tasks there are of a kind and in a state, zeros included: a series that comes and goes
    /// is worth less than one that is zero.
    pub(super) tasks: Vec<(&'static str, &'static str, u64)>,
    /// How many workers are in a state.
    pub(super) workers: Vec<(&'static str, u64)>,
    pub(super) busy: Vec<Busy>,
}

/// A route with its numbers.
#[derive(Debug)]
pub(super) struct RouteSeen {
    id: String,
    method: String,
    path: String,
    handler: &'static str,
    pub(super) stats: StatsSnapshot,
    pub(super) active: u64,
    pub(super) blocking: BlockingSnapshot,
}

/// The labels of a route.
pub(super) type Labels<'a> = [(&'static str, &'a str); 4];

/// How busy a worker was in the last minute.
#[derive(Debug)]
pub(super) struct Busy {
    pub(super) runtime: Option<RuntimeNumber>,
    pub(super) index: usize,
    pub(super) share: f64,
}

impl Snapshot {
    /// Collects all numbers; the rest is left out once `cancellation` ends.
    pub(super) fn take(cancellation: &Cancellation) -> Result<Self, Error> {
        let (_, started) = root::start();
        let rows = routes::rows(None, cancellation)?.into_iter();
        let (workers, busy) = count_workers();
        Ok(Snapshot {
            started: started
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default(),
            log_entries_lost: log::lost(),
            routes: rows
                .filter(|row| has_its_labels(&row.entry))
                .map(|row| RouteSeen::new(&row))
                .collect(),
            tasks: count_tasks(),
            workers,
            busy,
        })
    }
}

/// Whether a route is called as it will always be. What has no request yet and declares no path would
/// change its labels with the first one, and a series that is renamed is two.
fn has_its_labels(entry: &RouteEntry) -> bool {
    entry.route.is_some() || (entry.method().is_some() && entry.path().is_some())
}

impl RouteSeen {
    fn new(row: &routes::RouteRow) -> Self {
        let entry = &row.entry;
        let text = |value: Option<&str>| visible(value.unwrap_or("-")).into_owned();
        RouteSeen {
            // The handler's own: that of a mount is another one as soon as there is a second mount.
            id: RouteId {
                mount: None,
                ..entry.id
            }
            .to_string(),
            method: text(entry.method()),
            path: text(entry.path()),
            handler: entry.handler.declaration.handler,
            stats: row.stats,
            active: row.active(),
            blocking: row.blocking,
        }
    }

    /// What tells it from every other route: the table of routes bounds them, not what clients send.
    pub(super) fn labels(&self) -> Labels<'_> {
        [
            ("id", &self.id),
            ("method", &self.method),
            ("path", &self.path),
            ("handler", self.handler),
        ]
    }
}

fn count_tasks() -> Vec<(&'static str, &'static str, u64)> {
    let states = words::TASK_STATES.map(words::task_state);
    let mut counts: Vec<_> = words::TASK_KINDS
        .into_iter()
        .flat_map(|kind| states.map(|state| (kind, state, 0)))
        .collect();
    for_each_live(|task| {
        let Some(state) = task.state() else { return };
        let (kind, state) = (words::task_kind(&task), words::task_state(state));
        let of_its = |count: &&mut (&str, &str, u64)| (count.0, count.1) == (kind, state);
        if let Some((.., count)) = counts.iter_mut().find(of_its) {
            *count = count.saturating_add(1);
        }
    });
    counts
}

fn count_workers() -> (Vec<(&'static str, u64)>, Vec<Busy>) {
    let all = all_workers(Instant::now());
    let states = words::WORKER_STATES;
    let count = |state| all.iter().filter(|worker| worker.state == state).count() as u64;
    let counts = states.map(|state| (words::worker_state(state), count(state)));
    let busy = all.iter().filter_map(|worker| {
        Some(Busy {
            runtime: worker.runtime,
            index: worker.index,
            share: worker.busy?,
        })
    });
    (counts.to_vec(), busy.collect())
}
