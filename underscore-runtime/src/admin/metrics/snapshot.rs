//! The numbers of one scrape, collected before any are written.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use super::exemplars::Exemplar;
use super::process::ProcessNumbers;
use crate::admin::cancellation::Cancellation;
use crate::admin::cat::routes;
use crate::admin::error::Error;
use crate::admin::root;
use crate::admin::words;
use crate::clock::Instant;
use crate::ended;
use crate::health::{self, Status, Symptom};
use crate::log;
use crate::route::RouteId;
use crate::routes::{Route, RouteEntry};
use crate::stats::{BlockingSnapshot, EndSeries, Outcome, StatsSnapshot};
use crate::sync::Arc;
use crate::task::{MetaField, for_each_live};
use crate::threads::RuntimeNumber;
use crate::trace_context::trace_id;
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
    pub(super) process: ProcessNumbers,
    pub(super) health: HealthSample,
}

/// The health of the service.
#[derive(Debug)]
pub(super) struct HealthSample {
    pub(super) status: Status,
    /// Number of findings by symptom, including zeros.
    pub(super) findings: Vec<(Symptom, u64)>,
}

/// The path of a route without one.
pub(super) const NO_PATH: &str = "-";

/// The numbers of a route.
#[derive(Debug)]
pub(super) struct RouteSample {
    id: String,
    pub(super) method: String,
    /// [`NO_PATH`] for a fallback.
    pub(super) path: String,
    handler: &'static str,
    /// True if it has had a request.
    pub(super) is_reached: bool,
    pub(super) stats: StatsSnapshot,
    /// Its ended requests by status and outcome.
    pub(super) ends: Vec<EndSeries>,
    /// Those of its ended requests whose records are kept and have a trace.
    pub(super) kept: Vec<KeptSample>,
    /// The age of its oldest request, zero if there is none.
    pub(super) oldest: Duration,
    /// The keys of its settings in force.
    pub(super) settings: Vec<&'static str>,
    pub(super) active: u64,
    pub(super) blocking: BlockingSnapshot,
}

/// A request whose record is kept.
#[derive(Debug)]
pub(super) struct KeptSample {
    /// Zero if it had no response.
    pub(super) status: u16,
    pub(super) outcome: Outcome,
    pub(super) exemplar: Exemplar,
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
        let (tasks, oldest) = read_tasks();
        let mut kept = kept_requests();
        Ok(Snapshot {
            started: started
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default(),
            log_entries_lost: log::lost(),
            routes: rows
                .filter(|row| has_final_labels(&row.entry) && !row.entry.handler.is_unseen())
                .map(|row| RouteSample::new(&row, &oldest, &mut kept))
                .collect(),
            tasks,
            workers,
            busy,
            process: ProcessNumbers::read(),
            health: HealthSample::take(),
        })
    }
}

impl HealthSample {
    fn take() -> Self {
        let report = health::report();
        let count = |symptom| {
            let findings = report.findings.iter();
            findings
                .filter(|finding| finding.symptom() == symptom)
                .count() as u64
        };
        HealthSample {
            status: report.status,
            findings: Symptom::ALL
                .map(|symptom| (symptom, count(symptom)))
                .to_vec(),
        }
    }
}

/// True if the labels of a route are final. Without a request or a declared path, they would change
/// with the first request, which would make two series of one.
fn has_final_labels(entry: &RouteEntry) -> bool {
    entry.route.is_some() || (entry.method().is_some() && entry.path().is_some())
}

impl RouteSample {
    fn new(
        row: &routes::RouteRow,
        oldest: &HashMap<*const Route, Duration>,
        kept: &mut HashMap<*const Route, Vec<KeptSample>>,
    ) -> Self {
        let entry = &row.entry;
        let route = entry.route;
        let text = |value: Option<&str>| visible(value.unwrap_or(NO_PATH)).into_owned();
        let age = route.and_then(|route| oldest.get(&std::ptr::from_ref(route)));
        let settings = match route {
            Some(route) => route.effective(),
            None => entry.handler.effective().map(Arc::new),
        };
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
            is_reached: route.is_some(),
            stats: row.stats,
            ends: route.map(|route| route.stats.ends()).unwrap_or_default(),
            kept: route
                .and_then(|route| kept.remove(&std::ptr::from_ref(route)))
                .unwrap_or_default(),
            oldest: age.copied().unwrap_or_default(),
            settings: settings.map_or_else(Vec::new, |settings| settings.keys().collect()),
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

/// Number of tasks by kind and state.
type TaskCounts = Vec<(&'static str, &'static str, u64)>;

/// Counts the tasks, and finds the age of the oldest request of each route.
fn read_tasks() -> (TaskCounts, HashMap<*const Route, Duration>) {
    let states = words::TASK_STATES.map(words::task_state);
    let mut counts: TaskCounts = words::TASK_KINDS
        .into_iter()
        .flat_map(|kind| states.map(|state| (kind, state, 0)))
        .collect();
    let mut oldest: HashMap<*const Route, Duration> = HashMap::new();
    let now = Instant::now();
    for_each_live(|task| {
        let Some(state) = task.state() else { return };
        let (kind, state) = (words::task_kind(&task), words::task_state(state));
        let is_same = |count: &&mut (&str, &str, u64)| (count.0, count.1) == (kind, state);
        if let Some((.., count)) = counts.iter_mut().find(is_same) {
            *count = count.saturating_add(1);
        }
        if let Some(route) = task.own_route() {
            let age = oldest.entry(route).or_default();
            *age = (*age).max(now.since(task.started));
        }
    });
    (counts, oldest)
}

/// The ended requests with a trace, by their routes.
fn kept_requests() -> HashMap<*const Route, Vec<KeptSample>> {
    let (now, wall_now) = (Instant::now(), SystemTime::now());
    let mut kept: HashMap<*const Route, Vec<KeptSample>> = HashMap::new();
    for record in ended::newest_first() {
        let trace_parent = record.request.field(MetaField::TraceParent);
        let Some(trace_id) = trace_parent.as_deref().and_then(trace_id) else {
            continue;
        };
        let ended = wall_now.checked_sub(now.since(record.ended));
        let sample = KeptSample {
            status: record.status.map_or(0, |status| status.as_u16()),
            outcome: record.outcome,
            exemplar: Exemplar {
                trace_id: trace_id.to_owned(),
                nanos: record.answered.nanos_since(record.started),
                ended: ended.unwrap_or(wall_now),
            },
        };
        kept.entry(record.request.route).or_default().push(sample);
    }
    kept
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
