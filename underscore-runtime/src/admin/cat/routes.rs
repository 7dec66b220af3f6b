//! `_cat/routes`: every annotated handler, mounted or not, with its counters. `_routes` and
//! `_metrics` show the same rows.

use std::cell::OnceCell;
use std::sync::LazyLock;

use super::column::{Column, Columns};
use super::table;
use crate::admin::cancellation::Cancellation;
use crate::admin::error::Error;
use crate::admin::render::Answer;
use crate::admin::request::Request;
use crate::admin::value::Value;
use crate::admin::{select, words};
use crate::routes::{Route, RouteEntry};
use crate::stats::{
    BlockingSnapshot, Measure, Outcome, Recent, StatsSnapshot, StatusClass, WINDOWS,
};

/// A row: a route with its numbers at one moment.
pub(in crate::admin) struct RouteRow {
    pub(in crate::admin) entry: RouteEntry,
    pub(in crate::admin) stats: StatsSnapshot,
    /// Number of open upgraded connections.
    upgraded: u64,
    pub(in crate::admin) blocking: BlockingSnapshot,
    /// Read for the first column that needs it and kept for the others: reading takes a thousand
    /// times as long as reading the counters.
    recent: OnceCell<[Recent; WINDOWS.len()]>,
}

/// A column of this table.
type Col = Column<RouteRow>;

pub(in crate::admin) static COLUMNS: Columns<RouteRow> = LazyLock::new(|| {
    let mut columns = route();
    columns.extend(response_times());
    columns.extend(windowed(
        "stats.req.rate",
        "rate",
        "requests begun per second",
        |recent| Value::Rate(recent.map_or(0.0, Recent::rate)),
    ));
    columns.extend(statuses());
    columns.extend(ENDS.map(ended));
    columns.extend(declaration());
    columns.extend(blocking());
    columns.push(ended(FAILED));
    columns.push(Col::words(
        "seen_by",
        &[],
        "what sees its requests: the attribute, a layer around the router, or nothing",
        |row| words::seen_by(&row.entry).into(),
    ));
    columns
});

fn route() -> Vec<Col> {
    vec![
        Col::words("id", &[], "route id, the same after a restart", |row| {
            Value::text(row.id())
        })
        .shown(),
        Col::words("handler", &["hd"], "path of the handler function", |row| {
            row.entry.handler.declaration.function().into()
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
            |row| row.known(row.active()),
        )
        .shown(),
        Col::numbers(
            "stats.req.total",
            &["total"],
            "requests since the start, those in flight included",
            |row| row.known(row.stats.total()),
        )
        .shown(),
    ]
}

/// The windows of the statistics, each with its suffix of names and its words of help.
const WINDOW_WORDS: [(&str, &str); WINDOWS.len()] = [
    ("1m", "last minute"),
    ("5m", "last 5 minutes"),
    ("15m", "last 15 minutes"),
];

/// The measures of response times, each with its part of names and its words of help.
const MEASURES: [(&str, &str, Measure); 5] = [
    ("avg", "average seconds to a response", Measure::Average),
    (
        "p50",
        "seconds that half of the responses took at most",
        Measure::P50,
    ),
    (
        "p90",
        "seconds that 90 % of the responses took at most",
        Measure::P90,
    ),
    (
        "p99",
        "seconds that 99 % of the responses took at most",
        Measure::P99,
    ),
    (
        "max",
        "seconds that the slowest response took",
        Measure::Longest,
    ),
];

/// A column for each measure in each window.
fn response_times() -> impl Iterator<Item = Col> {
    MEASURES.into_iter().flat_map(|(key, help, measure)| {
        let name = format!("stats.resp.time_{key}");
        windowed(&name, key, help, move |recent| {
            let time = recent.and_then(|recent| recent.time(measure));
            time.map_or(Value::Missing, Value::Seconds)
        })
    })
}

/// A column for each window. Its alias may be written with or without an underscore: `avg1m`,
/// `avg_1m`.
fn windowed(
    name: &str,
    alias: &str,
    help: &str,
    value: impl Fn(Option<&Recent>) -> Value + Copy + Send + Sync + 'static,
) -> Vec<Col> {
    let windows = WINDOW_WORDS.iter().enumerate();
    let column = |(window, (suffix, when)): (usize, &(&str, &str))| {
        let aliases = [format!("{alias}{suffix}"), format!("{alias}_{suffix}")];
        Col::numbers(
            format!("{name}_{suffix}"),
            &aliases.each_ref().map(String::as_str),
            format!("{help}, {when}"),
            move |row| value(row.recent(window)),
        )
    };
    windows.map(column).collect()
}

/// A column for each class of statuses.
fn statuses() -> impl Iterator<Item = Col> {
    (1..).zip(words::STATUS_CLASSES).map(|(digit, class)| {
        Col::numbers(
            format!("stats.resp.status_{class}"),
            &[class],
            format!("responses with a status {class}"),
            move |row| Value::Number(row.stats.ended.status(StatusClass::from_digit(digit))),
        )
    })
}

/// The outcomes, each with its help.
const ENDS: [(Outcome, &str); Outcome::ALL.len() - 1] = [
    (
        Outcome::Completed,
        "requests that ended with the handler's response",
    ),
    (
        Outcome::Disconnected,
        "requests dropped before they had a response: the client left, or a timeout of the app",
    ),
    (Outcome::Interrupted, "requests ended by an operator"),
    (Outcome::Panicked, "requests whose handler panicked"),
    (
        Outcome::Preempted,
        "requests answered before the handler ran, by a setting",
    ),
    (
        Outcome::Rejected,
        "requests refused before the handler ran: a limit was reached",
    ),
    (
        Outcome::Expired,
        "requests ended by the timeout of their route",
    ),
];

/// The last column, because it was added last.
const FAILED: (Outcome, &str) = (
    Outcome::Failed,
    "requests whose response failed midway: its body was an error",
);

fn ended((outcome, help): (Outcome, &str)) -> Col {
    let word = words::outcome(outcome);
    Col::numbers(format!("stats.end.{word}"), &[word], help, move |row| {
        Value::Number(row.stats.ended.outcome(outcome))
    })
}

fn declaration() -> Vec<Col> {
    vec![
        Col::words(
            "mounted",
            &[],
            "true once a router has routed a request to it",
            |row| Value::Bool(row.entry.route.is_some()),
        ),
        Col::numbers(
            "preempt",
            &[],
            "status that requests are preempted with",
            |row| row.preempt_status().into(),
        ),
        Col::words("file", &[], "source file of the handler", |row| {
            let declaration = &row.entry.handler.declaration;
            declaration.function().map(|_| declaration.file).into()
        }),
        Col::numbers("line", &[], "line of the attribute", |row| {
            let declaration = &row.entry.handler.declaration;
            let line = declaration.function().map(|_| declaration.line);
            line.map_or(Value::Missing, |line| Value::Number(line.into()))
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
    ]
}

fn blocking() -> Vec<Col> {
    vec![
        Col::numbers(
            "stats.blocked.count",
            &["blocked"],
            "polls that kept a worker thread for too long",
            |row| Value::Number(row.blocking.stalls),
        ),
        Col::numbers(
            "stats.blocked.time",
            &["blocked_time"],
            "total time of these polls, to 33 ms each",
            |row| Value::Time(row.blocking.time),
        ),
        Col::numbers(
            "stats.blocked.time_max",
            &["blocked_max"],
            "time of the longest of them",
            |row| Value::Time(row.blocking.longest),
        ),
    ]
}

/// `GET /_cat/routes[/{routes}]`.
pub(in crate::admin) fn table(request: &Request) -> Result<Answer, Error> {
    table::answer_with(
        request,
        &COLUMNS,
        || rows(request.argument(), request.cancellation()),
        |rows| {
            // Without a request, and without a path in its attribute, only the handler tells a
            // route apart.
            let has_no_path = |row: &RouteRow| row.entry.path().is_none();
            if rows.iter().any(has_no_path) {
                &["handler"]
            } else {
                &[]
            }
        },
    )
}

/// The routes that `selector` names, in the order of `select`. A cancelled read leaves out the
/// rest.
pub(in crate::admin) fn rows(
    selector: Option<&str>,
    cancellation: &Cancellation,
) -> Result<Vec<RouteRow>, Error> {
    let entries = select::routes(selector.unwrap_or("_all"))?;
    let entries = entries
        .into_iter()
        .take_while(|_| !cancellation.is_requested());
    Ok(entries.map(RouteRow::new).collect())
}

impl RouteRow {
    fn new(entry: RouteEntry) -> Self {
        let route = entry.route;
        let stats = route.map(|route| route.stats.snapshot());
        let blocking = route.map(|route| route.blocking.snapshot());
        RouteRow {
            entry,
            stats: stats.unwrap_or_default(),
            upgraded: route.map_or(0, Route::upgraded),
            blocking: blocking.unwrap_or_default(),
            recent: OnceCell::new(),
        }
    }

    pub(in crate::admin) fn id(&self) -> String {
        self.entry.id.to_string()
    }

    /// A number of requests, missing if they are not seen.
    fn known(&self, number: u64) -> Value {
        if self.entry.handler.is_unseen() {
            Value::Missing
        } else {
            Value::Number(number)
        }
    }

    /// Number of requests in flight and of open upgraded connections.
    pub(in crate::admin) fn active(&self) -> u64 {
        self.stats.active.saturating_add(self.upgraded)
    }

    fn preempt_status(&self) -> Option<u64> {
        let preempt = match self.entry.route {
            Some(route) => route.effective()?.preempt.clone(),
            None => self.entry.handler.effective()?.preempt,
        };
        Some(preempt?.status.as_u16().into())
    }

    /// The numbers of a window, `None` if the route has had no request.
    fn recent(&self, window: usize) -> Option<&Recent> {
        let route = self.entry.route?;
        self.recent.get_or_init(|| route.stats.recent()).get(window)
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

    #[test]
    fn every_outcome_has_a_column() {
        let mut outcomes: Vec<Outcome> = ENDS.map(|(outcome, _)| outcome).to_vec();
        outcomes.push(FAILED.0);
        for outcome in Outcome::ALL {
            assert!(outcomes.contains(&outcome), "{outcome:?}");
        }
    }
}
