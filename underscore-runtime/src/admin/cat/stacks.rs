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
use crate::admin::select;
use crate::clock::Instant;
use crate::route::{Route, RouteId};
use crate::stack::{AwaitPoint, innermost, on_one_line};
use crate::table::Entry;
use crate::task::State;

/// A row: the tasks of one route in one state with one stack.
struct Row {
    id: RouteId,
    route: &'static Route,
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
        Value::text(row.id.to_string())
    })
    .shown(),
    Col::words("method", &["m"], "method of the route", |row| {
        Value::text(row.route.method.to_string())
    })
    .shown(),
    Col::words("path", &["p"], "path of the route", |row| {
        row.route.path.as_deref().map(str::to_owned).into()
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
        "running inside a poll now, or waiting to be woken",
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
    let mut rows: Vec<Row> = select::routes(selector.unwrap_or("_all"))?
        .into_iter()
        .filter_map(|entry| Some(of_route(&entry, entry.route?, now)))
        .flatten()
        .collect();
    rows.sort_by_key(|row| Reverse((row.count, row.oldest)));
    Ok(rows)
}

fn of_route(entry: &Entry, route: &'static Route, now: Instant) -> Vec<Row> {
    let mut groups: HashMap<(State, String), Row> = HashMap::new();
    route.ledger.for_each(|task| {
        let frames = task.stack().frames();
        let age = now.since(task.started);
        let group = groups
            .entry((task.state(), on_one_line(&frames)))
            .or_insert_with_key(|(state, stack)| Row {
                id: entry.id,
                route,
                state: *state,
                point: innermost(&frames),
                stack: stack.clone(),
                count: 0,
                oldest: age,
                newest: age,
            });
        group.count += 1;
        group.oldest = group.oldest.max(age);
        group.newest = group.newest.min(age);
    });
    groups.into_values().collect()
}
