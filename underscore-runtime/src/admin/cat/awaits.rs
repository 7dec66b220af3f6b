//! `_cat/awaits`: the awaits at which tasks wait, or requests have waited in the last minute.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use super::column::{Column, Columns};
use super::table;
use crate::admin::cancellation::Cancellation;
use crate::admin::error::Error;
use crate::admin::render::Answer;
use crate::admin::request::Request;
use crate::admin::select::{routes, tasks_of};
use crate::admin::value::Value;
use crate::clock::Instant;
use crate::route::RouteId;
use crate::routes::{Route, ids};
use crate::sampling::{self, AwaitSummary};
use crate::stack::{AwaitPoint, paths};
use crate::task::{TaskRef, TaskState, for_each_live};

/// A row: an await, and the requests of one route, or the background work without one, at it.
struct AwaitRow {
    point: &'static AwaitPoint,
    route: Option<&'static Route>,
    route_id: Option<RouteId>,
    waiting: u64,
    oldest: Option<Duration>,
    share: Option<f64>,
    last_passed: Option<Duration>,
    looks: u64,
}

/// A column of this table.
type Col = Column<AwaitRow>;

static COLUMNS: Columns<AwaitRow> = LazyLock::new(|| {
    vec![
    Col::numbers("waiting", &["c"], "tasks that wait there now", |row| {
        Value::Number(row.waiting)
    })
    .shown(),
    Col::numbers("oldest", &["o"], "running time of the oldest of them", |row| {
        row.oldest.map(Value::Time).into()
    })
    .shown(),
    Col::numbers(
        "share_1m",
        &["sh"],
        "part of the time of all requests of the last minute that was spent there, in percent; a request that waits \
         at several awaits counts at each",
        |row| row.share.map(|share| Value::Percent(share * 100.0)).into(),
    )
    .shown(),
    Col::numbers(
        "last_passed",
        &["lp"],
        "time since a request was last seen to have gone on from there, in the last minute",
        |row| row.last_passed.map(Value::Time).into(),
    )
    .shown(),
    Col::words("where", &["w"], "source line of the await", |row| {
        row.point.to_string().into()
    })
    .shown(),
    Col::words("awaiting", &["a"], "awaited expression", |row| row.point.source().into()).shown(),
    Col::words("route", &["r"], "method and path of the route that the tasks are for", |row| {
        let route = row.route.map(|route| {
            let path = route.identity.path.as_deref().unwrap_or("-");
            format!("{} {path}", route.identity.method)
        });
        route.into()
    })
    .shown(),
    Col::words("route_id", &["rid"], "id of that route", |row| {
        row.route_id.map(|id| id.to_string()).into()
    }),
    Col::numbers("looks", &["l"], "looks of the last minute that the share rests on", |row| {
        Value::Number(row.looks)
    }),
    Col::words("function", &["f"], "path of the function with the await", |row| {
        row.point.function().into()
    }),
]
});

/// `GET /_cat/awaits[/{routes}]`.
pub(in crate::admin) fn table(request: &Request) -> Result<Answer, Error> {
    table::answer(request, &COLUMNS, || {
        rows(request.argument(), request.cancellation())
    })
}

/// The addresses of an await point and of the route.
type Key = (usize, usize);

fn key(point: &'static AwaitPoint, route: Option<&'static Route>) -> Key {
    (point.address(), route.map_or(0, Route::address))
}

/// The awaits with the most tasks first, and among equals those with the oldest or the largest
/// share.
fn rows(selector: Option<&str>, cancellation: &Cancellation) -> Result<Vec<AwaitRow>, Error> {
    let entries = selector.map(routes).transpose()?;
    let (now, id_of) = (Instant::now(), ids());
    let mut live = LiveTasks::default();
    let mut add = |task: TaskRef| {
        if !cancellation.is_requested() {
            live.add(&task, now);
        }
    };
    match &entries {
        None => for_each_live(add),
        Some(entries) => tasks_of(entries).into_iter().for_each(&mut add),
    }
    let mut rows = live.into_rows();
    let is_chosen = |route: &'static Route| {
        entries.as_ref().is_none_or(|entries| {
            let mut routes = entries.iter().filter_map(|entry| entry.route);
            routes.any(|chosen| std::ptr::eq(chosen, route))
        })
    };
    for summary in sampling::awaits() {
        let AwaitSummary { point, route, .. } = summary;
        if is_chosen(route) {
            let row = rows
                .entry(key(point, Some(route)))
                .or_insert_with(|| AwaitRow::new(point, Some(route)));
            row.share = Some(summary.share);
            row.looks = summary.looks;
            row.last_passed = summary.last_passed.map(|at| now.since(at));
        }
    }
    let mut rows: Vec<AwaitRow> = rows.into_values().collect();
    for row in &mut rows {
        row.route_id = row.route.and_then(&id_of);
    }
    rows.sort_by(|a, b| {
        let by_share = b.share.unwrap_or(0.0).total_cmp(&a.share.unwrap_or(0.0));
        let place = |row: &AwaitRow| {
            let route = row.route_id.map(|id| id.to_string());
            (row.point.to_string(), route)
        };
        (b.waiting.cmp(&a.waiting))
            .then(b.oldest.cmp(&a.oldest))
            .then(by_share)
            .then_with(|| place(a).cmp(&place(b)))
    });
    Ok(rows)
}

/// Tasks that wait, by fingerprint: the addresses of the route, the function and the awaits. The
/// frames are made once for each, not per task.
#[derive(Default)]
struct LiveTasks {
    by_fingerprint: HashMap<Box<[u64]>, WaitingTasks>,
    /// The fingerprint of the current task, in a reused buffer.
    fingerprint: Vec<u64>,
}

/// Tasks at the same awaits.
struct WaitingTasks {
    route: Option<&'static Route>,
    /// The innermost awaits, each once: two branches at one await are one task that waits there.
    points: Vec<&'static AwaitPoint>,
    count: u64,
    oldest: Duration,
}

impl LiveTasks {
    fn add(&mut self, task: &TaskRef, now: Instant) {
        let waits = matches!(
            task.state(),
            Some(TaskState::Waiting | TaskState::Streaming)
        );
        if !waits || task.awaits_client() {
            return;
        }
        let (work, route) = (task.background(), task.route());
        let runs = work.as_ref().map_or(0, |work| work.code.as_ptr().addr());
        let route_address = route.map_or(0, Route::address);
        let (stack, age) = (task.stack(), now.since(task.started));
        self.fingerprint.clear();
        self.fingerprint.extend([route_address as u64, runs as u64]);
        stack.add_fingerprint(&mut self.fingerprint);
        if let Some(known) = self.by_fingerprint.get_mut(&*self.fingerprint) {
            known.count = known.count.saturating_add(1);
            known.oldest = known.oldest.max(age);
        } else if !task.is_gone() {
            let paths = paths(&stack.frames(task.body()));
            let mut points: Vec<_> = paths
                .iter()
                .filter_map(|path| path.last().copied())
                .collect();
            points.sort_unstable_by_key(|point| point.address());
            points.dedup_by(|a, b| std::ptr::eq(*a, *b));
            let waiting = WaitingTasks {
                route,
                points,
                count: 1,
                oldest: age,
            };
            let fingerprint = self.fingerprint.as_slice().into();
            self.by_fingerprint.insert(fingerprint, waiting);
        }
    }

    fn into_rows(self) -> HashMap<Key, AwaitRow> {
        let mut rows: HashMap<Key, AwaitRow> = HashMap::new();
        for waiting in self.by_fingerprint.into_values() {
            for point in waiting.points {
                let row = rows
                    .entry(key(point, waiting.route))
                    .or_insert_with(|| AwaitRow::new(point, waiting.route));
                row.waiting = row.waiting.saturating_add(waiting.count);
                row.oldest = row.oldest.max(Some(waiting.oldest));
            }
        }
        rows
    }
}

impl AwaitRow {
    fn new(point: &'static AwaitPoint, route: Option<&'static Route>) -> Self {
        AwaitRow {
            point,
            route,
            route_id: None,
            waiting: 0,
            oldest: None,
            share: None,
            last_passed: None,
            looks: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::column::assert_names_are_unique;
    use super::*;

    #[test]
    fn names_and_aliases_are_unique() {
        assert_names_are_unique(&COLUMNS);
    }
}
