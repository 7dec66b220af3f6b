//! `_cat/routes`: every annotated handler, mounted or not, with its counters.

use std::cell::OnceCell;

use super::table::{self, Column};
use crate::admin::cancellation::Cancellation;
use crate::admin::error::Error;
use crate::admin::render::Answer;
use crate::admin::request::Request;
use crate::admin::select;
use crate::admin::value::Value;
use crate::routes::{Route, RouteEntry};
use crate::stats::{
    BlockingSnapshot, Measure, Outcome, Recent, StatsSnapshot, StatusClass, WINDOWS,
};

/// A row: a route with its numbers at one moment.
pub(in crate::admin) struct Row {
    pub(in crate::admin) entry: RouteEntry,
    pub(in crate::admin) stats: StatsSnapshot,
    /// Upgraded connections that go on.
    upgraded: u64,
    pub(in crate::admin) blocking: BlockingSnapshot,
    /// Read when the first column wants it, and then once for all of them: it takes a thousand times as
    /// long as the counts.
    recent: OnceCell<[Recent; WINDOWS.len()]>,
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

/// A response time in a window.
macro_rules! time {
    ($key:literal, $alias:literal, $help:literal, $measure:ident, $window:literal) => {
        Col::numbers(concat!("stats.resp.time_", $key), &[$alias], $help, |row| {
            row.time(Measure::$measure, $window)
        })
    };
}

/// A rate in a window.
macro_rules! rate {
    ($key:literal, $alias:literal, $help:literal, $window:literal) => {
        Col::numbers(concat!("stats.req.rate_", $key), &[$alias], $help, |row| {
            row.rate($window)
        })
    };
}

pub(in crate::admin) const COLUMNS: &[Col] = &[
    Col::words("id", &[], "route id, the same after a restart", |row| {
        Value::text(row.entry.id.to_string())
    })
    .shown(),
    Col::words("handler", &["hd"], "path of the handler function", |row| {
        Value::text(row.entry.handler.declaration.handler)
    }),
    Col::words("name", &["n"], "name given in the attribute", |row| {
        row.entry.handler.declaration.name.into()
    }),
    Col::words("method", &["m"], "request method", |row| {
        row.entry.method().into()
    })
    .shown(),
    Col::words(
        "path",
        &["p"],
        "path as the router matches it, with the prefix of nested routers",
        |row| row.entry.path().into(),
    )
    .shown(),
    Col::numbers(
        "stats.req.active",
        &["active"],
        "requests in flight, upgraded connections whose work is tracked included",
        |row| Value::Number(row.active()),
    )
    .shown(),
    Col::numbers(
        "stats.req.total",
        &["total"],
        "requests since the start, those in flight included",
        |row| Value::Number(row.stats.total()),
    )
    .shown(),
    time!(
        "avg_1m",
        "avg1m",
        "average seconds to a response, last minute",
        Average,
        0
    ),
    time!(
        "avg_5m",
        "avg5m",
        "average seconds to a response, last 5 minutes",
        Average,
        1
    ),
    time!(
        "avg_15m",
        "avg15m",
        "average seconds to a response, last 15 minutes",
        Average,
        2
    ),
    time!(
        "p50_1m",
        "p50_1m",
        "seconds that half of the responses took at most, last minute",
        P50,
        0
    ),
    time!(
        "p50_5m",
        "p50_5m",
        "seconds that half of the responses took at most, last 5 minutes",
        P50,
        1
    ),
    time!(
        "p50_15m",
        "p50_15m",
        "seconds that half of the responses took at most, last 15 minutes",
        P50,
        2
    ),
    time!(
        "p90_1m",
        "p90_1m",
        "seconds that 90 % of the responses took at most, last minute",
        P90,
        0
    ),
    time!(
        "p90_5m",
        "p90_5m",
        "seconds that 90 % of the responses took at most, last 5 minutes",
        P90,
        1
    ),
    time!(
        "p90_15m",
        "p90_15m",
        "seconds that 90 % of the responses took at most, last 15 minutes",
        P90,
        2
    ),
    time!(
        "p99_1m",
        "p99_1m",
        "seconds that 99 % of the responses took at most, last minute",
        P99,
        0
    ),
    time!(
        "p99_5m",
        "p99_5m",
        "seconds that 99 % of the responses took at most, last 5 minutes",
        P99,
        1
    ),
    time!(
        "p99_15m",
        "p99_15m",
        "seconds that 99 % of the responses took at most, last 15 minutes",
        P99,
        2
    ),
    time!(
        "max_1m",
        "max_1m",
        "seconds that the slowest response took, last minute",
        Longest,
        0
    ),
    time!(
        "max_5m",
        "max_5m",
        "seconds that the slowest response took, last 5 minutes",
        Longest,
        1
    ),
    time!(
        "max_15m",
        "max_15m",
        "seconds that the slowest response took, last 15 minutes",
        Longest,
        2
    ),
    rate!("1m", "rate1m", "requests begun per second, last minute", 0),
    rate!(
        "5m",
        "rate5m",
        "requests begun per second, last 5 minutes",
        1
    ),
    rate!(
        "15m",
        "rate15m",
        "requests begun per second, last 15 minutes",
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
        "requests answered before the handler ran, as an operator had set it",
        Preempted
    ),
    ends!(
        "stats.end.rejected",
        &["rejected"],
        "requests refused before the handler ran: a limit was reached",
        Rejected
    ),
    ends!(
        "stats.end.expired",
        &["expired"],
        "requests ended by the timeout of their route",
        Expired
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
        Value::text(row.entry.handler.declaration.file)
    }),
    Col::numbers("line", &[], "line of the attribute", |row| {
        Value::Number(row.entry.handler.declaration.line.into())
    }),
    Col::words("declared", &[], "method and path in the attribute", |row| {
        row.entry.declared().map_or(Value::Missing, Value::text)
    }),
    Col::words(
        "as_declared",
        &[],
        "false if a router uses another method or path than the attribute says",
        |row| {
            row.entry
                .is_as_declared()
                .map_or(Value::Missing, Value::Bool)
        },
    ),
    Col::numbers(
        "stats.blocked.count",
        &["blocked"],
        "polls that kept a worker thread for too long",
        |row| Value::Number(row.blocking.stalls),
    ),
    Col::numbers(
        "stats.blocked.time",
        &["blocked_time"],
        "how long they took in all, to 33 ms each",
        |row| Value::Time(row.blocking.time),
    ),
    Col::numbers(
        "stats.blocked.time_max",
        &["blocked_max"],
        "how long the longest of them took",
        |row| Value::Time(row.blocking.longest),
    ),
    ends!(
        "stats.end.failed",
        &["failed"],
        "requests whose response failed midway: its body was an error",
        Failed
    ),
];

/// `GET /_cat/routes[/{routes}]`.
pub(in crate::admin) fn table(request: &Request) -> Result<Answer, Error> {
    table::answer_with(
        request,
        COLUMNS,
        || rows(request.argument(), request.cancellation()),
        |rows| {
            // No request has come to it yet, and its attribute says no path: nothing else tells it apart.
            let is_nowhere = |row: &Row| row.entry.path().is_none();
            if rows.iter().any(is_nowhere) {
                &["handler"]
            } else {
                &[]
            }
        },
    )
}

/// The routes that `selector` names, in the order of `select`; the rest is left out once `cancellation`
/// ends.
pub(in crate::admin) fn rows(
    selector: Option<&str>,
    cancellation: &Cancellation,
) -> Result<Vec<Row>, Error> {
    let row = |entry: RouteEntry| Row {
        entry,
        stats: entry
            .route
            .map(|route| route.stats.snapshot())
            .unwrap_or_default(),
        upgraded: entry.route.map_or(0, Route::upgraded),
        blocking: entry
            .route
            .map(|route| route.blocking.snapshot())
            .unwrap_or_default(),
        recent: OnceCell::new(),
    };
    let entries = select::routes(selector.unwrap_or("_all"))?;
    let entries = entries
        .into_iter()
        .take_while(|_| !cancellation.is_requested());
    Ok(entries.map(row).collect())
}

fn preempt(row: &Row) -> Option<u64> {
    let preempt = match row.entry.route {
        Some(route) => route.effective()?.preempt.clone(),
        None => row.entry.handler.effective()?.preempt,
    };
    Some(preempt?.status.as_u16().into())
}

impl Row {
    pub(in crate::admin) fn id(&self) -> String {
        self.entry.id.to_string()
    }

    /// Requests in flight, and upgraded connections that go on.
    pub(in crate::admin) fn active(&self) -> u64 {
        self.stats.active.saturating_add(self.upgraded)
    }

    fn time(&self, measure: Measure, window: usize) -> Value {
        let time = self.recent(window).and_then(|recent| recent.time(measure));
        time.map_or(Value::Missing, Value::Seconds)
    }

    fn rate(&self, window: usize) -> Value {
        Value::Rate(self.recent(window).map_or(0.0, Recent::rate))
    }

    /// What happened in the last minutes; nothing if no request ever came.
    fn recent(&self, window: usize) -> Option<&Recent> {
        let route = self.entry.route?;
        self.recent.get_or_init(|| route.stats.recent()).get(window)
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
