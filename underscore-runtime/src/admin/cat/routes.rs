//! `_cat/routes`: every annotated handler, mounted or not, with its counters.

use super::Value;
use super::table::{self, Column};
use crate::admin::error::Error;
use crate::admin::exchange::Exchange;
use crate::admin::render::Answer;
use crate::admin::select;
use crate::clock::Instant;
use crate::stats::{Average, Outcome, StatsSnapshot, StatusClass};
use crate::table::Entry;

/// A row: a route with its numbers at one moment.
pub(in crate::admin) struct Row {
    pub(in crate::admin) entry: Entry,
    pub(in crate::admin) stats: StatsSnapshot,
}

/// A column of this table.
type Col = Column<Row>;

/// A count of ends.
macro_rules! ends {
    ($name:literal, $aliases:expr, $help:literal, $outcome:ident) => {
        Col::numbers($name, $aliases, $help, |row| {
            Value::Number(row.stats.ended.outcome(Outcome::$outcome))
        })
    };
}

/// A count of answers.
macro_rules! statuses {
    ($name:literal, $aliases:expr, $help:literal, $digit:literal) => {
        Col::numbers($name, $aliases, $help, |row| {
            Value::Number(row.stats.ended.status(StatusClass::from_digit($digit)))
        })
    };
}

/// An average over a window.
macro_rules! average {
    ($name:literal, $aliases:expr, $help:literal, $index:literal) => {
        Col::numbers($name, $aliases, $help, |row| {
            seconds(row.stats.averages.get($index))
        })
    };
}

pub(in crate::admin) const COLUMNS: &[Col] = &[
    Col::words("id", &[], "route id, the same after a restart", |row| {
        Value::text(row.entry.id.to_string())
    })
    .shown(),
    Col::words("handler", &["hd"], "path of the handler function", |row| {
        Value::text(row.entry.descriptor.handler)
    }),
    Col::words("name", &["n"], "name given in the attribute", |row| {
        row.entry.descriptor.name.into()
    }),
    Col::words("method", &["m"], "request method", |row| {
        row.entry.method().map(str::to_owned).into()
    })
    .shown(),
    Col::words(
        "path",
        &["p"],
        "path as the router matches it, with the prefix of nested routers",
        |row| row.entry.path().map(str::to_owned).into(),
    )
    .shown(),
    Col::numbers(
        "stats.req.active",
        &["active"],
        "requests in flight",
        |row| Value::Number(row.stats.active),
    )
    .shown(),
    Col::numbers(
        "stats.req.total",
        &["total"],
        "requests since the start, those in flight included",
        |row| Value::Number(row.stats.total()),
    )
    .shown(),
    average!(
        "stats.resp.time_avg_1m",
        &["avg1m"],
        "average seconds to a response, last minute",
        0
    ),
    average!(
        "stats.resp.time_avg_5m",
        &["avg5m"],
        "average seconds to a response, last 5 minutes",
        1
    ),
    average!(
        "stats.resp.time_avg_15m",
        &["avg15m"],
        "average seconds to a response, last 15 minutes",
        2
    ),
    statuses!(
        "stats.resp.status_1xx",
        &["1xx"],
        "responses with a status 1xx",
        1
    ),
    statuses!(
        "stats.resp.status_2xx",
        &["2xx"],
        "responses with a status 2xx",
        2
    ),
    statuses!(
        "stats.resp.status_3xx",
        &["3xx"],
        "responses with a status 3xx",
        3
    ),
    statuses!(
        "stats.resp.status_4xx",
        &["4xx"],
        "responses with a status 4xx",
        4
    ),
    statuses!(
        "stats.resp.status_5xx",
        &["5xx"],
        "responses with a status 5xx",
        5
    ),
    ends!(
        "stats.end.completed",
        &["completed"],
        "requests that ended with the handler's response",
        Completed
    ),
    ends!(
        "stats.end.disconnected",
        &["disconnected"],
        "requests dropped before they had a response: the client left, or a timeout of the app",
        Disconnected
    ),
    ends!(
        "stats.end.interrupted",
        &["interrupted"],
        "requests ended by an operator",
        Interrupted
    ),
    ends!(
        "stats.end.panicked",
        &["panicked"],
        "requests whose handler panicked",
        Panicked
    ),
    ends!(
        "stats.end.preempted",
        &["preempted"],
        "requests answered before the handler ran",
        Preempted
    ),
    Col::words(
        "mounted",
        &[],
        "true once a router has brought a request to it",
        |row| Value::Bool(row.entry.route.is_some()),
    ),
    Col::numbers(
        "preempt",
        &[],
        "status that requests are preempted with",
        |row| preempt(row).into(),
    ),
    Col::words("file", &[], "source file of the handler", |row| {
        Value::text(row.entry.descriptor.file)
    }),
    Col::numbers("line", &[], "line of the attribute", |row| {
        Value::Number(row.entry.descriptor.line.into())
    }),
];

/// `GET /_cat/routes[/{routes}]`.
pub(in crate::admin) fn table(exchange: &Exchange) -> Result<Answer, Error> {
    table::answer(exchange, COLUMNS, || rows(exchange.argument()))
}

/// The routes that `selector` names, in the order of `select`.
pub(in crate::admin) fn rows(selector: Option<&str>) -> Result<Vec<Row>, Error> {
    let now = Instant::now();
    let rows = select::routes(selector.unwrap_or("_all"))?
        .into_iter()
        .map(|entry| Row {
            entry,
            stats: entry
                .route
                .map_or_else(StatsSnapshot::default, |route| route.ledger.snapshot(now)),
        })
        .collect();
    Ok(rows)
}

fn preempt(row: &Row) -> Option<u64> {
    let preempt = match row.entry.route {
        Some(route) => route.effective()?.preempt.clone(),
        None => row.entry.descriptor.effective()?.preempt,
    };
    Some(preempt?.status.as_u16().into())
}

fn seconds(average: Option<&Average>) -> Value {
    match average.and_then(|average| average.time()) {
        Some(time) => Value::Seconds(time),
        None => Value::Missing,
    }
}

impl Row {
    pub(in crate::admin) fn id(&self) -> String {
        self.entry.id.to_string()
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
