//! `_cat/stacks`: live tasks grouped by where they are stuck. Ten thousand requests at one await are
//! one line.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Duration;

use super::Value;
use super::table::{self, Column};
use super::tasks::state_word;
use crate::admin::error::Error;
use crate::admin::exchange::Exchange;
use crate::admin::render::Answer;
use crate::admin::select::{routes, work_for};
use crate::clock::Instant;
use crate::route::{Route, RouteId};
use crate::stack::{AwaitPoint, Frame, innermost, on_one_line};
use crate::table::{for_each_task, ids};
use crate::task::{State, Task};

/// A row: the tasks of one route, or of none, in one state with one stack.
struct Row {
    id: Option<RouteId>,
    route: Option<&'static Route>,
    state: State,
    point: Option<&'static AwaitPoint>,
    stack: String,
    count: u64,
    oldest: Duration,
    newest: Duration,
}

/// A column of this table.
type Col = Column<Row>;

const COLUMNS: &[Col] = &[
    Col::numbers("count", &["c"], "tasks with this stack", |row| {
        Value::Number(row.count)
    })
    .shown(),
    Col::words("route_id", &["rid"], "id of the route", |row| {
        row.id.map(|id| id.to_string()).into()
    })
    .shown(),
    Col::words("method", &["m"], "method of the route", |row| {
        row.route.map(|route| route.method.to_string()).into()
    })
    .shown(),
    Col::words("path", &["p"], "path of the route", |row| {
        let path = row.route.and_then(|route| route.path.as_deref());
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
        "running inside a poll now, waiting to be woken, or streaming its response's body",
        |row| state_word(row.state).into(),
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
];

/// `GET /_cat/stacks[/{routes}]`.
pub(in crate::admin) fn table(exchange: &Exchange) -> Result<Answer, Error> {
    table::answer(exchange, COLUMNS, || rows(exchange.argument()))
}

/// The groups, the most numerous first, and among equals the one with the oldest task.
fn rows(selector: Option<&str>) -> Result<Vec<Row>, Error> {
    let now = Instant::now();
    let mut groups = Groups::default();
    match selector {
        None => for_each_task(|task| groups.add(&task, now)),
        Some(selector) => {
            let entries = routes(selector)?;
            for route in entries.iter().filter_map(|entry| entry.route) {
                route.ledger.for_each(|task| groups.add(&task, now));
            }
            for task in work_for(&entries) {
                groups.add(&task, now);
            }
        }
    }
    let id_of = ids();
    let mut rows = groups.into_rows();
    for row in &mut rows {
        row.id = row.route.and_then(&id_of);
    }
    rows.sort_by(|a, b| {
        let numbers = |row: &Row| Reverse((row.count, row.oldest));
        (numbers(a), &a.stack).cmp(&(numbers(b), &b.stack))
    });
    Ok(rows)
}

/// What is alike, by what makes it so: route, state, and the awaits by their addresses, for their text is long.
#[derive(Default)]
struct Groups {
    alike: HashMap<Box<[usize]>, Row>,
    /// The likeness of the task that is looked at, in memory that was there before.
    likeness: Vec<usize>,
}

impl Groups {
    fn add(&mut self, task: &Task, now: Instant) {
        let frames = task.stack();
        let (route, state, age) = (task.route(), task.state(), now.since(task.started));
        let likeness = &mut self.likeness;
        likeness.clear();
        likeness.push(route.map_or(0, |route| std::ptr::from_ref(route).addr()));
        likeness.push(state as usize);
        shape(&frames, likeness);
        if !self.alike.contains_key(&**likeness) {
            let row = Row {
                id: None,
                route,
                state,
                point: innermost(&frames),
                stack: on_one_line(&frames),
                count: 0,
                oldest: age,
                newest: age,
            };
            self.alike.insert(likeness.as_slice().into(), row);
        }
        if let Some(group) = self.alike.get_mut(&**likeness) {
            group.join(1, age, age);
        }
    }

    /// The groups, those in one whose stacks read alike: two awaits on one line may.
    fn into_rows(self) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::with_capacity(self.alike.len());
        let mut known: HashMap<(usize, usize, String), usize> = HashMap::new();
        for (likeness, row) in self.alike {
            let (route, state) = match *likeness {
                [route, state, ..] => (route, state),
                _ => (0, 0),
            };
            let place = *known
                .entry((route, state, row.stack.clone()))
                .or_insert(rows.len());
            match rows.get_mut(place) {
                Some(group) => group.join(row.count, row.oldest, row.newest),
                None => rows.push(row),
            }
        }
        rows
    }
}

impl Row {
    fn join(&mut self, count: u64, oldest: Duration, newest: Duration) {
        self.count = self.count.saturating_add(count);
        self.oldest = self.oldest.max(oldest);
        self.newest = self.newest.min(newest);
    }
}

/// Writes down the awaits by their addresses, branches between marks that no address is.
fn shape(frames: &[Frame], shape: &mut Vec<usize>) {
    const BEGIN: usize = 1;
    const END: usize = 2;
    for frame in frames {
        shape.push(std::ptr::from_ref(frame.point).addr());
        if !frame.inside.is_empty() {
            shape.push(BEGIN);
            self::shape(&frame.inside, shape);
            shape.push(END);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_aliases_are_unique() {
        table::assert_names_are_unique(COLUMNS);
    }
}
