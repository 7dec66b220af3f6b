//! `_cat/stacks`: live tasks grouped by stack. Ten thousand requests at one await are one line.

use std::cmp::Reverse;
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
use crate::admin::task_snapshot::CLIENT;
use crate::admin::value::Value;
use crate::admin::words;
use crate::clock::Instant;
use crate::route::RouteId;
use crate::routes::{Route, ids};
use crate::stack::{AwaitPoint, innermost, on_one_line};
use crate::task::{TaskRef, TaskState, for_each_live};

/// A row: the tasks of one route, or without a route, in one state with one stack.
struct StackRow {
    id: Option<RouteId>,
    route: Option<&'static Route>,
    state: TaskState,
    point: Option<&'static AwaitPoint>,
    stack: String,
    /// The guards that each of them holds.
    holding: Option<String>,
    count: u64,
    oldest: Duration,
    newest: Duration,
}

/// A column of this table.
type Col = Column<StackRow>;

static COLUMNS: Columns<StackRow> = LazyLock::new(|| {
    vec![
    Col::numbers("count", &["c"], "tasks with this stack", |row| {
        Value::Number(row.count)
    })
    .shown(),
    Col::words("route_id", &["rid"], "id of the route", |row| {
        row.id.map(|id| id.to_string()).into()
    })
    .shown(),
    Col::words("method", &["m"], "method of the route", |row| {
        row.route.map(|route| route.identity.method.to_string()).into()
    })
    .shown(),
    Col::words("path", &["p"], "path of the route", |row| {
        let path = row.route.and_then(|route| route.identity.path.as_deref());
        path.map(str::to_owned).into()
    })
    .shown(),
    Col::numbers("oldest", &[], "running time of the oldest of them", |row| {
        Value::Time(row.oldest)
    })
    .shown(),
    Col::numbers("newest", &[], "running time of the newest of them", |row| {
        Value::Time(row.newest)
    })
    .shown(),
    Col::words(
        "state",
        &["st"],
        "running inside a poll now, waiting to be woken, streaming its response's body, or queued for a blocking thread",
        |row| words::task_state(row.state).into(),
    )
    .shown(),
    Col::words(
        "where",
        &["w"],
        "source line of the innermost await, or where the stack splits into branches",
        |row| row.point.map(ToString::to_string).into(),
    )
    .shown(),
    Col::words(
        "stack",
        &["s"],
        "the awaits, innermost last, branches in brackets",
        |row| {
            Some(row.stack.clone())
                .filter(|stack| !stack.is_empty())
                .into()
        },
    )
    .shown(),
    Col::words(
        "holding",
        &["ho"],
        "guards of locks, permits and connections that each of them holds, with the source lines that took them",
        |row| row.holding.clone().into(),
    )
    .shown(),
    ]
});

/// `GET /_cat/stacks[/{routes}]`.
pub(in crate::admin) fn table(request: &Request) -> Result<Answer, Error> {
    table::answer(request, &COLUMNS, || {
        rows(request.argument(), request.cancellation())
    })
}

/// The groups, the largest first, and among equals the one with the oldest task.
fn rows(selector: Option<&str>, cancellation: &Cancellation) -> Result<Vec<StackRow>, Error> {
    let now = Instant::now();
    let mut groups = Groups::default();
    let mut add = |task: TaskRef| {
        if !cancellation.is_requested() {
            groups.add(&task, now);
        }
    };
    match selector {
        None => for_each_live(add),
        Some(selector) => tasks_of(&routes(selector)?).into_iter().for_each(&mut add),
    }
    let id_of = ids();
    let mut rows = groups.into_rows();
    for row in &mut rows {
        row.id = row.route.and_then(&id_of);
    }
    rows.sort_by(|a, b| {
        let numbers = |row: &StackRow| Reverse((row.count, row.oldest));
        (numbers(a), &a.stack).cmp(&(numbers(b), &b.stack))
    });
    Ok(rows)
}

/// Tasks grouped by fingerprint: the addresses of the route, the function and the awaits, and the
/// state. Frames and their text are made once per group, not per task.
#[derive(Default)]
struct Groups {
    by_fingerprint: HashMap<Box<[u64]>, StackRow>,
    /// The fingerprint of the current task, in a reused buffer.
    fingerprint: Vec<u64>,
}

impl Groups {
    fn add(&mut self, task: &TaskRef, now: Instant) {
        let Some(state) = task.state() else { return };
        let work = task.background();
        let route = task.route();
        let runs = work.as_ref().map_or(0, |work| work.code.as_ptr().addr());
        let route_address = route.map_or(0, Route::address);
        let (stack, age) = (task.stack(), now.since(task.started));
        let fingerprint = &mut self.fingerprint;
        fingerprint.clear();
        let awaits_client = state == TaskState::Streaming && task.awaits_client();
        // The state and the awaited party are one word, see `into_rows`.
        let state_and_client = (state as u64) << 1 | u64::from(awaits_client);
        fingerprint.extend([route_address as u64, state_and_client, runs as u64]);
        stack.add_fingerprint(fingerprint);
        let locks = task.locks();
        for held in locks.held() {
            fingerprint.extend([held.taken.address() as u64, held.is_passed_on.into()]);
        }
        if let Some(group) = self.by_fingerprint.get_mut(&**fingerprint) {
            group.join(1, age, age);
        } else if !task.is_gone() {
            let frames = stack.frames(task.body());
            let (point, stack) = if awaits_client {
                (None, CLIENT.to_owned())
            } else {
                (innermost(&frames), on_one_line(&frames))
            };
            let row = StackRow {
                id: None,
                route,
                state,
                point,
                stack,
                holding: words::guards(locks.held().filter(|held| !held.is_passed_on)),
                count: 1,
                oldest: age,
                newest: age,
            };
            self.by_fingerprint
                .insert(fingerprint.as_slice().into(), row);
        }
    }

    /// The groups, merged if their stacks have the same text: two awaits on one line may.
    fn into_rows(self) -> Vec<StackRow> {
        let mut rows: Vec<StackRow> = Vec::with_capacity(self.by_fingerprint.len());
        let mut known: HashMap<(u64, u64, String, Option<String>), usize> = HashMap::new();
        for (fingerprint, row) in self.by_fingerprint {
            let (route, state) = match *fingerprint {
                [route, state, ..] => (route, state),
                _ => (0, 0),
            };
            let place = *known
                .entry((route, state, row.stack.clone(), row.holding.clone()))
                .or_insert(rows.len());
            match rows.get_mut(place) {
                Some(group) => group.join(row.count, row.oldest, row.newest),
                None => rows.push(row),
            }
        }
        rows
    }
}

impl StackRow {
    fn join(&mut self, count: u64, oldest: Duration, newest: Duration) {
        self.count = self.count.saturating_add(count);
        self.oldest = self.oldest.max(oldest);
        self.newest = self.newest.min(newest);
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
