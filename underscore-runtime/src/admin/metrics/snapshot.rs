//! The numbers of one scrape, collected before any are written.

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

/// The numbers of all families.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// The start time of the admin API since 1970.
    pub(super) started: Duration,
    pub(super) log_entries_lost: u64,
    pub(super) routes: Vec<RouteSample>,
    /// Number of tasks by kind and state, including zeros, so that no series disappears.
    pub(super) tasks: Vec<(&'static str, &'static str, u64)>,
    /// Number of workers by state.
    pub(super) workers: Vec<(&'static str, u64)>,
    pub(super) busy: Vec<WorkerBusy>,
}

/// The numbers of a route.
#[derive(Debug)]
pub(super) struct RouteSample {
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

/// The share of the last minute in which a worker was busy.
#[derive(Debug)]
pub(super) struct WorkerBusy {
    pub(super) runtime: Option<RuntimeNumber>,
    pub(super) index: usize,
    pub(super) share: f64,
}

impl Snapshot {
    /// Collects all numbers. Stops early if the read is cancelled.
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
                .filter(|row| has_final_labels(&row.entry) && !row.entry.handler.is_unseen())
                .map(|row| RouteSample::new(&row))
                .collect(),
            tasks: count_tasks(),
            workers,
            busy,
        })
    }
}

/// True if the labels of a route are final. Without a request or a declared path, they would change
/// with the first request, which would make two series of one.
fn has_final_labels(entry: &RouteEntry) -> bool {
    entry.route.is_some() || (entry.method().is_some() && entry.path().is_some())
}

impl RouteSample {
    fn new(row: &routes::RouteRow) -> Self {
        let entry = &row.entry;
        let text = |value: Option<&str>| visible(value.unwrap_or("-")).into_owned();
        RouteSample {
            // The handler's id, because the id of a mount changes when a second mount appears.
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

    /// The labels that identify the route. Their number is bounded by the routes, not by requests.
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
        let is_same = |count: &&mut (&str, &str, u64)| (count.0, count.1) == (kind, state);
        if let Some((.., count)) = counts.iter_mut().find(is_same) {
            *count = count.saturating_add(1);
        }
    });
    counts
}

fn count_workers() -> (Vec<(&'static str, u64)>, Vec<WorkerBusy>) {
    let all = all_workers(Instant::now());
    let states = words::WORKER_STATES;
    let count = |state| all.iter().filter(|worker| worker.state == state).count() as u64;
    let counts = states.map(|state| (words::worker_state(state), count(state)));
    let busy = all.iter().filter_map(|worker| {
        Some(WorkerBusy {
            runtime: worker.runtime,
            index: worker.index,
            share: worker.busy?,
        })
    });
    (counts.to_vec(), busy.collect())
}
