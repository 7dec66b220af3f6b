//! `_cat/tasks`: every request in flight, and the line it is stuck on.

use std::sync::Arc;
use std::time::Duration;

use super::Value;
use super::table::{self, Column};
use crate::admin::error::Error;
use crate::admin::exchange::Exchange;
use crate::admin::render::Answer;
use crate::admin::select::TaskFilter;
use crate::clock::Instant;
use crate::route::RouteId;
use crate::stack::AwaitPoint;
use crate::table::ids;
use crate::task::{State, Task};

/// A row: a task as it was when it was looked at.
struct Row {
    task: Arc<Task>,
    route: Option<RouteId>,
    age: Duration,
    state: State,
    point: Option<&'static AwaitPoint>,
}

/// A column of this table.
type Col = Column<Row>;

const COLUMNS: &[Col] = &[
    Col::numbers("id", &[], "task id, never used twice", |row| {
        Value::Number(row.task.id.number())
    })
    .shown(),
    Col::words("name", &["n"], "name of the route", |row| {
        row.task.route.descriptor.name.into()
    }),
    Col::words("coro", &[], "path of the handler function", |row| {
        Value::text(row.task.route.descriptor.handler)
    }),
    Col::words("route_id", &["rid"], "id of the route", |row| {
        row.route.map(|id| id.to_string()).into()
    })
    .shown(),
    Col::words("type", &[], "request", |_| Value::text("request")),
    Col::words("method", &["m"], "method of the request", |row| {
        Value::text(row.task.request.method.to_string())
    })
    .shown(),
    Col::words("path", &["p"], "path of the route", |row| {
        row.task.route.path.as_deref().map(str::to_owned).into()
    })
    .shown(),
    Col::words("uri", &["u"], "path and query of the request", |row| {
        row.task.request.uri.as_ref().map(uri).into()
    }),
    Col::words(
        "state",
        &["st"],
        "running inside a poll now, or waiting to be woken",
        |row| state_word(row.state).into(),
    )
    .shown(),
    Col::numbers(
        "running_time",
        &["time"],
        "time since the request was handed to its handler",
        |row| Value::Time(row.age),
    )
    .shown(),
    Col::numbers(
        "running_time_ns",
        &["time_ns"],
        "the same in nanoseconds",
        |row| Value::Number(u64::try_from(row.age.as_nanos()).unwrap_or(u64::MAX)),
    ),
    Col::words(
        "where",
        &["w"],
        "source line of the await it waits on; of the last one while it runs",
        |row| row.point.map(ToString::to_string).into(),
    )
    .shown(),
    Col::words(
        "awaiting",
        &["a"],
        "source text of what is awaited there",
        |row| row.point.map(AwaitPoint::source).into(),
    )
    .shown(),
    Col::words(
        "cancelling",
        &[],
        "true once it was told to end, until it is gone",
        |row| Value::Bool(row.task.signal.is_ordered()),
    ),
    Col::numbers("polls", &[], "how often it was polled", |row| {
        Value::Number(row.task.polls())
    }),
    Col::words(
        "remote",
        &["r"],
        "address of the client, where the app provides it",
        |row| {
            row.task
                .request
                .remote
                .map(|address| address.to_string())
                .into()
        },
    ),
    Col::words("http_version", &[], "HTTP version of the request", |row| {
        Value::text(format!("{:?}", row.task.request.version))
    }),
];

/// The wire's word for a state.
pub(in crate::admin) fn state_word(state: State) -> &'static str {
    match state {
        State::Running => "running",
        State::Waiting => "waiting",
    }
}

/// The longest URI that is shown.
const LONGEST_URI: usize = 1024;

/// `GET /_cat/tasks[/{tasks}]`.
pub(in crate::admin) fn table(exchange: &Exchange) -> Result<Answer, Error> {
    table::answer(exchange, COLUMNS, || rows(exchange))
}

fn rows(exchange: &Exchange) -> Result<Vec<Row>, Error> {
    let filter = TaskFilter::read(exchange)?;
    let mut tasks = filter.tasks(exchange.argument().unwrap_or("_all"))?;
    tasks.sort_by_key(|task| (task.started, task.id));
    let (now, id_of) = (Instant::now(), ids());
    let row = |task: Arc<Task>| Row {
        route: id_of(task.route),
        age: now.since(task.started),
        state: task.state(),
        point: task.stack().innermost(),
        task,
    };
    Ok(tasks.into_iter().map(row).collect())
}

fn uri(uri: &axum::http::uri::PathAndQuery) -> String {
    let uri = uri.as_str();
    match uri.char_indices().nth(LONGEST_URI) {
        Some((end, _)) => format!("{}…", uri.get(..end).unwrap_or_default()),
        None => uri.to_owned(),
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
