//! Selectors: the routes or tasks that a path names. They mean the same everywhere, but a change
//! refuses ambiguous ones.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::cancellation::Cancellation;
use super::error::Error;
use super::request::Request;
use super::words::{comma_list, matches_pattern, parse_task_state};
use super::{params, resources};
use crate::clock::Instant;
use crate::route::RouteId;
use crate::routes::{Route, RouteEntry, entries};
use crate::suggest;
use crate::task::{TaskId, TaskRef, TaskState, for_each_live};
use crate::visible::echo;

/// The routes that a comma-separated list names, for a read.
pub(super) fn routes(selector: &str) -> Result<Vec<RouteEntry>, Error> {
    select(selector, |_, _| Ok(()))
}

/// The number of routes with one name that an error lists.
const MOST_LISTED: usize = 20;

/// The routes that a comma-separated list names, for a change. Refuses a name that several routes
/// share, and a list without a positive item: an empty variable in a shell, or `-x` meant as "all
/// but x".
pub(super) fn routes_to_change(selector: &str) -> Result<Vec<RouteEntry>, Error> {
    if comma_list(selector).all(|word| word.starts_with('-')) {
        return Err(Error::illegal_argument(format!(
            "[{}] names no route to change; name one, or begin with _all",
            echo(selector)
        )));
    }
    select(selector, |word, found| match found {
        [_, _, ..] if found.iter().all(|entry| !is_id(word, entry)) => {
            let listed = found.iter().take(MOST_LISTED);
            let mut candidates: Vec<String> = listed.map(|entry| candidate(entry)).collect();
            let more = found.len().saturating_sub(candidates.len());
            candidates.extend((more > 0).then(|| format!("and {more} more")));
            let handler = found.first().map(|entry| entry.id.handler);
            let of_one = found.iter().all(|entry| Some(entry.id.handler) == handler);
            let all = handler
                .filter(|_| of_one)
                .map(|id| format!("; [{id:08x}] is all of them"));
            Err(Error::illegal_argument(format!(
                "[{word}] names {} routes; choose one by id: {}{}",
                found.len(),
                candidates.join(", "),
                all.unwrap_or_default()
            )))
        }
        _ => Ok(()),
    })
}

fn select(
    selector: &str,
    check_name: impl Fn(&str, &[&RouteEntry]) -> Result<(), Error>,
) -> Result<Vec<RouteEntry>, Error> {
    let mut all = entries();
    all.sort_by_key(order);
    let mut selected = vec![false; all.len()];
    for word in comma_list(selector) {
        let (pattern, keep) = match word.strip_prefix('-') {
            Some(pattern) => (pattern, false),
            None => (word, true),
        };
        let is_pattern = pattern == "_all" || pattern.contains('*');
        let named: Vec<bool> = all.iter().map(|entry| is_named(pattern, entry)).collect();
        if !is_pattern {
            let found = all.iter().zip(&named).filter(|(_, named)| **named);
            let found: Vec<&RouteEntry> = found.map(|(entry, _)| entry).collect();
            if found.is_empty() {
                return Err(unknown_route(pattern, &all));
            }
            if keep {
                check_name(pattern, &found)?;
            }
        }
        for (named, selected) in named.into_iter().zip(&mut selected) {
            if named {
                *selected = keep;
            }
        }
    }
    let chosen = all.into_iter().zip(selected);
    Ok(chosen
        .filter_map(|(entry, chosen)| chosen.then_some(entry))
        .collect())
}

/// The order of routes in all lists: by path, then method. Routes without a path are last.
fn order(entry: &RouteEntry) -> impl Ord + use<> {
    let path = entry.path();
    (
        path.is_none(),
        path,
        entry.method(),
        entry.handler.declaration.handler,
    )
}

/// True if `word` is the entry's id, name, handler path, path, or method and path, or a pattern for
/// one of them.
fn is_named(word: &str, entry: &RouteEntry) -> bool {
    if word == "_all" || is_id(word, entry) {
        return true;
    }
    let names = [
        entry.handler.declaration.function(),
        entry.handler.declaration.name,
        entry.path(),
    ];
    let mut names = names.into_iter().flatten();
    if is_place(word, entry) {
        return true;
    }
    if word.contains('*') {
        matches_pattern(word, &entry.id.to_string())
            || names.any(|name| matches_pattern(word, name))
    } else {
        names.any(|name| name == word)
    }
}

/// True if `word` is the entry's method and path, as in `GET /twice`. The path may be a pattern.
fn is_place(word: &str, entry: &RouteEntry) -> bool {
    let (Some((method, path)), Some(own)) = (word.split_once(' '), entry.path()) else {
        return false;
    };
    let is_method = entry
        .method()
        .is_some_and(|own| own.eq_ignore_ascii_case(method));
    is_method && (own == path.trim_start() || matches_pattern(path.trim_start(), own))
}

/// True if `word` is the entry's id, or the id of its handler, which all of its mounts share. The
/// long id of a mount is accepted even if it is the only mount, and for a handler without a mount:
/// after a restart, mounts are not known before their first request.
fn is_id(word: &str, entry: &RouteEntry) -> bool {
    let Ok(id) = word.parse::<RouteId>() else {
        return false;
    };
    let is_mount = |mount| {
        let route = entry.route;
        route.is_none_or(|route| route.identity.mount == mount)
    };
    id.handler == entry.id.handler && id.mount.is_none_or(is_mount)
}

fn candidate(entry: &RouteEntry) -> String {
    let handler = entry.handler.declaration.id_text();
    match entry.route {
        Some(route) => {
            let path = route.identity.path.as_deref().unwrap_or("-");
            format!(
                "[{}] {} {path} ({handler})",
                entry.id, route.identity.method
            )
        }
        None => format!("[{}] ({handler})", entry.id),
    }
}

fn unknown_route(word: &str, all: &[RouteEntry]) -> Error {
    let ids: Vec<String> = all.iter().map(|entry| entry.id.to_string()).collect();
    let names = all
        .iter()
        .flat_map(|entry| {
            [
                entry.handler.declaration.function(),
                entry.handler.declaration.name,
                entry.path(),
            ]
        })
        .flatten();
    let mut hint = suggest::hint(word, names.chain(ids.iter().map(String::as_str)));
    if hint.is_empty() {
        // The last part of the path may have been meant: the name of the function.
        let ends_so = |entry: &&RouteEntry| {
            entry.handler.declaration.handler.rsplit("::").next() == Some(word)
        };
        let meant = all
            .iter()
            .find(ends_so)
            .map(|entry| entry.handler.declaration.handler);
        hint = meant.map_or(hint, |meant| suggest::hint(meant, [meant]));
    }
    Error::not_found(format!(
        "no route [{}]; GET /_cat/routes lists them{hint}",
        echo(word)
    ))
}

/// The tasks that a comma-separated list of ids names.
pub(super) fn tasks(selector: &str) -> Result<Vec<TaskRef>, Error> {
    if comma_list(selector).any(|word| word == "_all") {
        return Ok(live_tasks());
    }
    let ids = comma_list(selector).filter_map(|word| TaskId::from_number(word.parse().ok()?));
    let named: HashSet<TaskId> = ids.collect();
    // Keeps only these, so that a read of one task stays short if there are very many.
    let mut live: HashMap<TaskId, TaskRef> = HashMap::new();
    for_each_live(|task| {
        if named.contains(&task.id) {
            live.insert(task.id, task);
        }
    });
    let mut chosen: Vec<TaskRef> = Vec::new();
    for word in comma_list(selector) {
        if !word.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Error::illegal_argument(format!(
                "task id [{}] must be a decimal number or _all",
                echo(word)
            )));
        }
        // A number that is too large for an id names no task.
        let id = word.parse().ok().and_then(TaskId::from_number);
        let already = chosen.iter().any(|task| Some(task.id) == id);
        match id.and_then(|id| live.remove(&id)) {
            Some(task) => chosen.push(task),
            None if already => {}
            None => {
                return Err(Error::not_found(format!(
                    "no task [{}]; it has ended or never existed",
                    echo(word)
                )));
            }
        }
    }
    Ok(chosen)
}

/// All live tasks.
pub(super) fn live_tasks() -> Vec<TaskRef> {
    let mut tasks = Vec::new();
    for_each_live(|task| tasks.push(task));
    tasks
}

/// The live tasks that are requests of `entries`, and the tasks of their upgraded connections.
pub(super) fn requests_of(entries: &[RouteEntry]) -> Vec<TaskRef> {
    let routes = routes_of(entries);
    let goes_on = |task: &TaskRef| {
        task.background()
            .is_some_and(|work| work.continues_request())
    };
    let mut tasks = live_tasks();
    tasks.retain(|task| {
        is_among(&routes, task.route()) && (task.own_route().is_some() || goes_on(task))
    });
    tasks
}

/// The live tasks that are requests of `entries`, or were begun in such requests.
pub(super) fn tasks_of(entries: &[RouteEntry]) -> Vec<TaskRef> {
    let routes = routes_of(entries);
    let mut tasks = live_tasks();
    tasks.retain(|task| is_among(&routes, task.route()));
    tasks
}

fn routes_of(entries: &[RouteEntry]) -> HashSet<*const Route> {
    let routes = entries.iter().filter_map(|entry| entry.route);
    routes.map(std::ptr::from_ref).collect()
}

fn is_among(routes: &HashSet<*const Route>, route: Option<&'static Route>) -> bool {
    route.is_some_and(|route| routes.contains(&std::ptr::from_ref(route)))
}

/// Adds the live tasks that were begun in `tasks`, directly or indirectly.
pub(super) fn with_children(tasks: &mut Vec<TaskRef>) {
    let mut chosen: HashSet<TaskId> = tasks.iter().map(|task| task.id).collect();
    let mut rest: Vec<(TaskRef, [Option<TaskId>; 2])> = live_tasks()
        .into_iter()
        .filter(|task| !chosen.contains(&task.id))
        .map(|task| (task, task.origins()))
        .filter(|(_, began_in)| began_in.iter().any(Option::is_some))
        .collect();
    loop {
        let is_child = |(_, began_in): &mut (TaskRef, [Option<TaskId>; 2])| {
            began_in.iter().flatten().any(|id| chosen.contains(id))
        };
        let found: Vec<TaskRef> = rest
            .extract_if(.., is_child)
            .map(|(task, _)| task)
            .collect();
        if found.is_empty() {
            return;
        }
        chosen.extend(found.iter().map(|task| task.id));
        tasks.extend(found);
    }
}

/// The filter of tasks: `blocking=`, `routes=`, `older_than=`, `state=`.
pub(super) struct TaskFilter {
    routes: Option<Vec<&'static Route>>,
    /// The tasks that hold a resource.
    blocking: Option<HashSet<TaskId>>,
    older_than: Option<Duration>,
    state: Option<TaskState>,
}

impl TaskFilter {
    /// The filter of a read.
    pub(super) fn read(request: &Request) -> Result<Self, Error> {
        Self::read_with(request, routes, resources::holders)
    }

    /// The filter of a change, whose routes must be as unambiguous as those of a change of routes.
    pub(super) fn read_to_change(request: &Request) -> Result<Self, Error> {
        Self::read_with(request, routes_to_change, resources::holders_to_change)
    }

    fn read_with(
        request: &Request,
        routes: fn(&str) -> Result<Vec<RouteEntry>, Error>,
        holders: fn(&str, &Cancellation) -> Result<HashSet<TaskId>, Error>,
    ) -> Result<Self, Error> {
        let routes = request.value(&params::ROUTES).map(routes).transpose()?;
        let blocking = request
            .value(&params::BLOCKING)
            .map(|selector| holders(selector, request.cancellation()))
            .transpose()?;
        let mounted =
            |entries: Vec<RouteEntry>| entries.into_iter().filter_map(|entry| entry.route);
        let state = request.value(&params::STATE);
        Ok(TaskFilter {
            routes: routes.map(|entries| mounted(entries).collect()),
            blocking,
            older_than: request.duration(&params::OLDER_THAN),
            state: state.and_then(parse_task_state),
        })
    }

    /// The required state.
    pub(super) fn state(&self) -> Option<TaskState> {
        self.state
    }

    /// True if the filter accepts every task.
    pub(super) fn is_empty(&self) -> bool {
        let Self {
            routes,
            blocking,
            older_than,
            state,
        } = self;
        routes.is_none() && blocking.is_none() && older_than.is_none() && state.is_none()
    }

    /// The tasks that `selector` names and the filter accepts.
    pub(super) fn tasks(&self, selector: &str) -> Result<Vec<TaskRef>, Error> {
        let now = Instant::now();
        let mut tasks = tasks(selector)?;
        tasks.retain(|task| {
            let is_its = |route: &&Route| task.route().is_some_and(|its| std::ptr::eq(*route, its));
            let routes = self.routes.as_ref();
            let blocking = self.blocking.as_ref();
            routes.is_none_or(|routes| routes.iter().any(is_its))
                && blocking.is_none_or(|holders| holders.contains(&task.id))
                && self
                    .older_than
                    .is_none_or(|age| now.since(task.started) > age)
                && self.state.is_none_or(|state| task.state() == Some(state))
        });
        Ok(tasks)
    }
}
