//! The definition of every query parameter: its name, its values and its effect. Endpoints list the
//! groups that they accept. Checks, suggestions and the table in the docs are made from these
//! definitions.

use axum::http::StatusCode;

use super::elasticsearch;
use super::error::Error;
use super::render::Format;
use super::words;
use crate::suggest;
use crate::units::{self, ByteUnit, TimeUnit};
use crate::visible::echo;

/// A query parameter.
#[derive(Debug)]
pub(super) struct Param {
    pub(super) name: &'static str,
    takes: Takes,
    /// Description for the documentation.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the README is compared in a test")
    )]
    about: &'static str,
    /// True if `help` does not check the value.
    ignored_by_help: bool,
}

/// The values that a parameter takes.
#[derive(Clone, Copy, Debug)]
enum Takes {
    /// Empty or `true`, or `false`.
    Flag,
    /// An integer of 0 or more.
    Count,
    /// An integer from the first to the second.
    Integer(u64, u64),
    /// A number and a unit of time.
    Duration,
    /// A status of a final response.
    Status,
    /// One of these words.
    Word(fn() -> Vec<&'static str>),
    /// Text that its endpoint parses.
    Text,
    /// A comma-separated list of such texts.
    List,
}

/// Limits of texts and lists: longer ones are mistakes, and take long to match.
const LONGEST_TEXT: usize = 16 << 10;
const LONGEST_LIST: usize = 1_000;

impl Param {
    const fn new(name: &'static str, takes: Takes, about: &'static str) -> Self {
        Param {
            name,
            takes,
            about,
            ignored_by_help: false,
        }
    }

    const fn flag(name: &'static str, about: &'static str) -> Self {
        Param::new(name, Takes::Flag, about)
    }

    const fn count(name: &'static str, about: &'static str) -> Self {
        Param::new(name, Takes::Count, about).of_table()
    }

    const fn duration(name: &'static str, about: &'static str) -> Self {
        Param::new(name, Takes::Duration, about)
    }

    const fn word(
        name: &'static str,
        words: fn() -> Vec<&'static str>,
        about: &'static str,
    ) -> Self {
        Param::new(name, Takes::Word(words), about)
    }

    const fn text(name: &'static str, about: &'static str) -> Self {
        Param::new(name, Takes::Text, about)
    }

    const fn list(name: &'static str, about: &'static str) -> Self {
        Param::new(name, Takes::List, about)
    }

    /// A parameter for the form of a table, which `help` ignores.
    const fn of_table(mut self) -> Self {
        self.ignored_by_help = true;
        self
    }

    /// Checks a value, except for texts, which the endpoint parses.
    pub(super) fn check(&self, value: &str, for_help: bool) -> Result<(), Error> {
        let must = |what: String| {
            Err(Error::illegal_argument(format!(
                "parameter [{}] must be {what}, not [{}]",
                self.name,
                echo(value)
            )))
        };
        if for_help && self.ignored_by_help {
            return Ok(());
        }
        match self.takes {
            Takes::Flag if !matches!(value, "" | "true" | "false") => {
                must("true or false".to_owned())
            }
            Takes::Count if value.parse::<usize>().is_err() || value.starts_with('+') => {
                must("an integer of 0 or more".to_owned())
            }
            Takes::Integer(min, max) if parse_integer(value, min, max).is_none() => {
                must(format!("an integer from {min} to {max}"))
            }
            Takes::Duration if units::parse_duration(value).is_none() => must(format!(
                "a number with a unit ({}), as in 30s or 1.5m",
                units::TIME_UNITS
            )),
            Takes::Status if parse_status(value).is_none() => {
                must("a status from 200 to 599".to_owned())
            }
            Takes::Text | Takes::List if value.len() > LONGEST_TEXT => {
                Err(Error::illegal_argument(format!(
                    "parameter [{}] must have at most {LONGEST_TEXT} bytes, not {}",
                    self.name,
                    value.len()
                )))
            }
            Takes::List if value.split(',').count() > LONGEST_LIST => {
                Err(Error::illegal_argument(format!(
                    "parameter [{}] must list at most {LONGEST_LIST} items, not {}",
                    self.name,
                    value.split(',').count()
                )))
            }
            Takes::Word(words) if !words().contains(&value) => {
                Err(Error::unknown_value(self.name, value, &words()))
            }
            _ => Ok(()),
        }
    }

    /// The values as a few words, for the docs.
    #[cfg(test)]
    fn values(&self) -> String {
        match self.takes {
            Takes::Flag => "bool".to_owned(),
            Takes::Count => "an integer".to_owned(),
            Takes::Integer(min, max) => format!("{min} to {max}"),
            Takes::Duration => "as in `30s`".to_owned(),
            Takes::Status => "200 to 599".to_owned(),
            Takes::Word(words) => {
                let words: Vec<String> = words().iter().map(|word| format!("`{word}`")).collect();
                words.join(" ")
            }
            Takes::Text => "text".to_owned(),
            Takes::List => "comma list".to_owned(),
        }
    }
}

fn parse_integer(text: &str, min: u64, max: u64) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let integer = digits.then(|| text.parse().ok())?;
    integer.filter(|integer| (min..=max).contains(integer))
}

/// Parses the status of a final response, which is not a 1xx.
pub(super) fn parse_status(text: &str) -> Option<StatusCode> {
    let status = text.parse().ok()?;
    (200..600)
        .contains(&status)
        .then(|| StatusCode::from_u16(status).ok())?
}

pub(super) const BLOCKING: Param = Param::list(
    "blocking",
    "tasks that hold one of these resources, for which others wait",
);
pub(super) const CLOSE: Param = Param::list(
    "close",
    "close connections that are in one of these states, or enter one, during the drain",
);
pub(super) const CONNECTION_STATE: Param =
    Param::list("state", "connections in one of these states");
pub(super) const BUNDLE_SECONDS: Param = Param::new(
    "seconds",
    Takes::Integer(1, 60),
    "time that the profile in it lasts, 5 by default",
);
pub(super) const CHILDREN: Param =
    Param::flag("children", "also interrupt the tasks that these began");
pub(super) const BYTES: Param = Param::word(
    "bytes",
    || ByteUnit::words().to_vec(),
    "sizes as whole numbers of this unit, of 1024 each",
)
.of_table();
pub(super) const DETAILED: Param = Param::flag("detailed", "show all properties of each task");
pub(super) const DRY_RUN: Param = Param::flag(
    "dry_run",
    "check everything, report what it would hit, and change nothing",
);
pub(super) const ERROR_TRACE: Param =
    Param::flag("error_trace", "add a stack trace to an error that has one");
pub(super) const EVENT_COUNT: Param =
    Param::count("size", "maximum number of kept events, the newest");
pub(super) const EVENT_TYPE: Param = Param::list("type", "events of these types");
pub(super) const FILTER_PATH: Param = Param::list(
    "filter_path",
    "the parts of a structured answer to include, or with `-` to exclude",
);
pub(super) const FLAT_SETTINGS: Param = Param::flag("flat_settings", "settings under dotted keys");
pub(super) const FOLLOW: Param = Param::flag(
    "follow",
    "also send what happens from now on, until the client leaves",
);
pub(super) const FORMAT: Param = Param::word(
    "format",
    || Format::words().to_vec(),
    "format of the answer; overrides the header `Accept`",
)
.of_table();
pub(super) const FROM: Param = Param::count("from", "number of rows to skip");
pub(super) const GROUP_BY: Param = Param::word(
    "group_by",
    || words::TASK_GROUPS.to_vec(),
    "list tasks, or group them by parent or route",
);
pub(super) const H: Param = Param::list(
    "h",
    "columns to show, in this order: names, aliases, patterns with `*`",
)
.of_table();
pub(super) const HELP: Param = Param::flag("help", "list the columns");
pub(super) const HUMAN: Param = Param::flag("human", "durations also in words");
pub(super) const INCLUDE_DEFAULTS: Param =
    Param::flag("include_defaults", "include the defaults of unset settings");
pub(super) const OLDER_THAN: Param =
    Param::duration("older_than", "tasks or connections that are older");
pub(super) const PRETTY: Param = Param::flag("pretty", "JSON on several lines");
pub(super) const REASON: Param =
    Param::text("reason", "reason, for clients, the audit and the log");
pub(super) const ROUTES: Param = Param::list("routes", "tasks of these routes");
pub(super) const S: Param = Param::list(
    "s",
    "columns to sort by, each optionally with `:asc` or `:desc`",
)
.of_table();
pub(super) const SECONDS: Param = Param::new(
    "seconds",
    Takes::Integer(1, 60),
    "time that the profile lasts, 10 by default",
);
pub(super) const SINCE: Param = Param::count("since", "events after the one with this id");
pub(super) const SIZE: Param = Param::count(
    "size",
    "maximum number of rows; the header `x-total-count` is the number of all rows",
);
pub(super) const STATE: Param = Param::word(
    "state",
    || words::TASK_STATES.map(words::task_state).to_vec(),
    "tasks in this state",
);
pub(super) const STATUS: Param = Param::new(
    "status",
    Takes::Status,
    "status for clients without an answer; overrides `interrupt.status`",
);
pub(super) const TIME: Param = Param::word(
    "time",
    || TimeUnit::words().to_vec(),
    "durations as whole numbers of this unit",
)
.of_table();
pub(super) const TIMEOUT: Param = Param::duration(
    "timeout",
    "maximum wait for the tasks or connections to end",
);
pub(super) const TS: Param =
    Param::flag("ts", "`false` omits the columns that are a time of day").of_table();
pub(super) const TYPE: Param = Param::word(
    "type",
    || words::PROFILE_TYPES.to_vec(),
    "requests that wait, or that run inside a poll; both by default",
);
pub(super) const V: Param = Param::flag("v", "show headings").of_table();
pub(super) const WAIT_FOR_COMPLETION: Param = Param::flag(
    "wait_for_completion",
    "`false` does not wait for the tasks to end",
);

pub(super) const WITH: Param = Param::list(
    "with",
    "`query`: URIs with their queries, if the client may see them",
);
pub(super) const WITHOUT: Param = Param::list(
    "without",
    "what to leave out of the requests of clients: `uri`, `remote`, `headers`",
);

/// Parameters that endpoints accept together.
pub(super) type Group = &'static [&'static Param];

/// The parameters of every endpoint.
pub(super) const COMMON: Group = &[&ERROR_TRACE, &FILTER_PATH, &FORMAT, &HUMAN, &PRETTY];

/// The parameters of every table.
pub(super) const TABLE: Group = &[&BYTES, &FROM, &H, &HELP, &S, &SIZE, &TIME, &TS, &V];

/// The filter of tasks.
pub(super) const TASK_FILTER: Group = &[&BLOCKING, &OLDER_THAN, &ROUTES, &STATE];

/// The filter of connections.
pub(super) const CONNECTION_FILTER: Group = &[&OLDER_THAN, &CONNECTION_STATE];

/// The parameters of `_bundle`.
pub(super) const BUNDLE: Group = &[&BUNDLE_SECONDS, &WITH, &WITHOUT];

/// The parameters of a drain.
pub(super) const DRAIN: Group = &[&CLOSE, &TIMEOUT];

/// The parameters of `_events`.
pub(super) const EVENTS: Group = &[&FOLLOW, &SINCE, &EVENT_COUNT, &EVENT_TYPE];

/// The parameters of `_profile`.
pub(super) const PROFILE: Group = &[&ROUTES, &SECONDS, &TYPE];

/// The parameters of `_tasks`.
pub(super) const TASKS: Group = &[&DETAILED, &GROUP_BY];

/// The parameters of settings.
pub(super) const SETTINGS: Group = &[&FLAT_SETTINGS, &INCLUDE_DEFAULTS];

/// The parameters of every change.
pub(super) const CHANGE: Group = &[&DRY_RUN];

/// The parameters of interrupts.
pub(super) const END: Group = &[&CHILDREN, &REASON, &STATUS, &TIMEOUT, &WAIT_FOR_COMPLETION];

/// The groups, each with what it belongs to, in the order of the README.
#[cfg(test)]
const GROUPS: [(&str, Group); 12] = [
    ("everything", COMMON),
    ("tables", TABLE),
    ("tasks", TASK_FILTER),
    ("connections", CONNECTION_FILTER),
    ("`_bundle`", BUNDLE),
    ("`_drain`", DRAIN),
    ("`_events`", EVENTS),
    ("`_profile`", PROFILE),
    ("`_tasks`", TASKS),
    ("settings", SETTINGS),
    ("ending tasks", END),
    ("changes", CHANGE),
];

/// ` -> did you mean ...?` for an unknown parameter of an endpoint with `groups`.
pub(super) fn hint(name: &str, groups: &[Group]) -> String {
    if elasticsearch::selects_nodes(name) {
        return " -> there is one node, this process".to_owned();
    }
    match elasticsearch::param(name).filter(|here| names(groups).any(|known| known == *here)) {
        Some(here) => suggest::hint(here, [here]),
        None => suggest::hint(name, names(groups)),
    }
}

/// The names of the parameters of `groups` and of every endpoint.
pub(super) fn names(groups: &[Group]) -> impl Iterator<Item = &'static str> {
    known(groups).map(|param| param.name)
}

/// The parameters of `groups` and of every endpoint.
pub(super) fn known(groups: &[Group]) -> impl Iterator<Item = &'static Param> {
    COMMON
        .iter()
        .chain(groups.iter().copied().flatten())
        .copied()
}

#[cfg(test)]
mod tests;
