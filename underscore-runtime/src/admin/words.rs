//! Words and forms that several answers share: the words for states, kinds, groups and outcomes,
//! the forms of a moment, comma-separated lists, and patterns with `*`.

use crate::guards::HeldGuard;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::connection::ConnectionState;
use crate::ended::Phase;
use crate::routes::{Route, RouteEntry};
use crate::stats::Outcome;
use crate::task::{Stage, TaskRef, TaskState};
use crate::workers::WorkerState;

/// All states of tasks.
pub(super) const TASK_STATES: [TaskState; 4] = [
    TaskState::Running,
    TaskState::Waiting,
    TaskState::Streaming,
    TaskState::Queued,
];

/// The word for the state of a task.
pub(super) fn task_state(state: TaskState) -> &'static str {
    state.word()
}

/// The state for which `word` is the word.
pub(super) fn parse_task_state(word: &str) -> Option<TaskState> {
    TASK_STATES
        .into_iter()
        .find(|state| task_state(*state) == word)
}

/// The word for the stage of a request.
pub(super) fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Middleware => "middleware",
        Stage::Extractors => "extractors",
        Stage::Handler => "handler",
        Stage::Body => "body",
        Stage::Service => "service",
    }
}

/// The word for what a request did during a stay at an await.
pub(super) fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Waiting => "waiting",
        Phase::Running => "running",
        Phase::Streaming => "streaming",
    }
}

/// The word for what sees the requests of a route. `None` if a handler with `keep` has not been
/// called yet.
pub(super) fn seen_by(entry: &RouteEntry) -> Option<&'static str> {
    let declaration = &entry.handler.declaration;
    let is_reached = |route: &Route| route.is_reached_through_layer();
    if declaration.layer.is_some() || entry.route.is_some_and(is_reached) {
        Some("layer")
    } else if !declaration.is_kept {
        Some("attribute")
    } else if entry.handler.is_unseen() {
        Some("nothing")
    } else {
        entry.route.map(|_| "layer")
    }
}

/// The words for the requests that a profile records: waiting ones, and running ones.
pub(super) const PROFILE_TYPES: [&str; 2] = ["wait", "run"];

/// The words for the kinds of tasks.
pub(super) const TASK_KINDS: [&str; 2] = ["request", "background"];

/// The word for the kind of a task.
pub(super) fn task_kind(task: &TaskRef) -> &'static str {
    let [request, background] = TASK_KINDS;
    match task.own_route() {
        Some(_) => request,
        None => background,
    }
}

/// All states of connections.
pub(super) const CONNECTION_STATES: [ConnectionState; 7] = [
    ConnectionState::New,
    ConnectionState::Head,
    ConnectionState::Active,
    ConnectionState::Idle,
    ConnectionState::Upgraded,
    ConnectionState::Untracked,
    ConnectionState::Closing,
];

/// The word for the state of a connection.
pub(super) fn connection_state(state: ConnectionState) -> &'static str {
    state.word()
}

/// The state for which `word` is the word.
pub(super) fn parse_connection_state(word: &str) -> Option<ConnectionState> {
    CONNECTION_STATES
        .into_iter()
        .find(|state| connection_state(*state) == word)
}

/// All states of workers.
pub(super) const WORKER_STATES: [WorkerState; 3] = [
    WorkerState::Parked,
    WorkerState::Running,
    WorkerState::Blocked,
];

/// The word for the state of a worker.
pub(super) fn worker_state(state: WorkerState) -> &'static str {
    match state {
        WorkerState::Parked => "parked",
        WorkerState::Running => "running",
        WorkerState::Blocked => "blocked",
    }
}

/// The words for an outcome: those behind `stats.end.` in the columns of `_cat/routes`.
pub(super) fn outcome(outcome: Outcome) -> &'static str {
    outcome.word()
}

/// The words for the classes of statuses, from 100 on.
pub(super) const STATUS_CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The ways to group the tasks of `_tasks`.
pub(super) const TASK_GROUPS: [&str; 3] = ["none", "parents", "routes"];

/// Milliseconds since 1970, the form in which Elasticsearch writes a moment.
pub(super) fn epoch_millis(moment: SystemTime) -> u64 {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Date and time in UTC in the form of RFC 3339, to the millisecond.
pub(super) fn date_and_time(moment: SystemTime) -> String {
    humantime::format_rfc3339_millis(moment.max(UNIX_EPOCH)).to_string()
}

/// `HH:MM:SS` in UTC.
pub(super) fn time_of_day(moment: SystemTime) -> String {
    let moment = humantime::format_rfc3339_seconds(moment.max(UNIX_EPOCH)).to_string();
    let time = moment
        .split_once('T')
        .map(|(_, time)| time.trim_end_matches('Z'));
    time.unwrap_or_default().to_owned()
}

/// Newline-delimited JSON.
pub(super) const NDJSON: &str = "application/x-ndjson";

/// True if a header `Accept` names a media type.
pub(super) fn names_media_type(accept: &str, media_type: &str) -> bool {
    let essences = accept
        .split(',')
        .filter_map(|range| range.split(';').next());
    let mut essences = essences.map(str::trim);
    essences.any(|essence| essence.eq_ignore_ascii_case(media_type))
}

/// The items of a comma-separated list, without empty ones.
pub(super) fn comma_list(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

/// Guards on one line, each with the line that took it; `None` if there are none.
pub(super) fn guards<'a>(held: impl Iterator<Item = &'a HeldGuard>) -> Option<String> {
    let held: Vec<String> = held
        .map(|held| format!("{} {}", held.taken.source(), held.taken))
        .collect();
    let more = held.len().saturating_sub(MOST_GUARDS);
    let text = held.get(..MOST_GUARDS).unwrap_or(&held).join(", ");
    match more {
        0 => Some(text).filter(|text| !text.is_empty()),
        more => Some(format!("{text}, and {more} more")),
    }
}

/// Maximum number of guards on one line.
const MOST_GUARDS: usize = 8;

/// True if `text` matches `pattern`, in which `*` is any run of characters.
pub(super) fn matches_pattern(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else {
        return rest.is_empty();
    };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => {
                rest = rest
                    .get(at.saturating_add(piece.len())..)
                    .unwrap_or_default();
            }
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_moment_has_a_time_of_day() {
        let moment = UNIX_EPOCH + Duration::from_millis(1_795_432_084_999);
        assert_eq!(time_of_day(moment), "11:08:04");
        assert_eq!(epoch_millis(moment), 1_795_432_084_999);
        assert_eq!(date_and_time(moment), "2026-11-23T11:08:04.999Z");
    }

    #[test]
    fn a_star_is_any_run_of_characters() {
        let cases = [
            ("stats.*", "stats.req.total", true),
            ("*total", "stats.req.total", true),
            ("*", "", true),
            ("s*s", "s", false),
            ("s*q*l", "stats.req.total", true),
            ("a*b*a", "aba", true),
            ("a*ab", "ab", false),
            ("total", "stats.req.total", false),
        ];
        for (pattern, text, matches) in cases {
            assert_eq!(matches_pattern(pattern, text), matches, "{pattern} {text}");
        }
    }
}
