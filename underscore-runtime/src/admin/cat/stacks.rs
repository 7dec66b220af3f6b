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
use crate::stack::{AwaitPoint, innermost, on_one_line};
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
    let mut rows: Vec<Row> = groups.0.into_values().collect();
    for row in &mut rows {
        row.id = row.route.and_then(&id_of);
    }
    rows.sort_by_key(|row| Reverse((row.count, row.oldest)));
    Ok(rows)
}

/// What makes tasks stand on one line.
#[derive(PartialEq, Eq, Hash)]
struct Likeness {
    route: Option<*const Route>,
    state: State,
    stack: String,
}

#[derive(Default)]
struct Groups(HashMap<Likeness, Row>);

impl Groups {
    fn add(&mut self, task: &Task, now: Instant) {
        let frames = task.stack();
        let (route, age) = (task.route(), now.since(task.started));
        let likeness = Likeness {
            route: route.map(std::ptr::from_ref),
            state: task.state(),
            stack: on_one_line(&frames),
        };
        let group = self.0.entry(likeness).or_insert_with_key(|likeness| Row {
            id: None,
            route,
            state: likeness.state,
            point: innermost(&frames),
            stack: likeness.stack.clone(),
            count: 0,
            oldest: age,
            newest: age,
        });
        group.count += 1;
        group.oldest = group.oldest.max(age);
        group.newest = group.newest.min(age);
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
