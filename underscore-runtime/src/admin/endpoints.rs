//! The endpoints: path, method, parameters and function of each, once. `/_cat` lists from here, the
//! router is built from here, and an unknown parameter is told from a known one by what stands here.

use std::pin::Pin;

use axum::routing::MethodFilter;

use super::error::Error;
use super::exchange::Exchange;
use super::render::Answer;
use super::{GET, cat, root, routes, tasks};

/// One thing that can be asked for.
pub(super) struct Endpoint {
    pub(super) method: MethodFilter,
    /// In axum's syntax. What stands in braces is the one argument that a path can have.
    pub(super) path: &'static str,
    /// The parameters it knows besides those that every endpoint knows.
    pub(super) params: &'static [&'static str],
    pub(super) run: Run,
}

/// How an endpoint comes to its answer.
pub(super) enum Run {
    /// By looking.
    Read(fn(&Exchange) -> Result<Answer, Error>),
    /// By doing something, for which it may have to wait.
    Change(fn(Exchange) -> Changing),
}

/// A change under way.
pub(super) type Changing = Pin<Box<dyn Future<Output = Result<Answer, Error>> + Send>>;

/// The parameters of every endpoint.
pub(super) const COMMON: &[&str] = &["filter_path", "format", "pretty"];

/// Those of every table.
const TABLE: &[&str] = &["from", "h", "help", "s", "size", "time", "v"];

const fn read(
    path: &'static str,
    params: &'static [&'static str],
    run: fn(&Exchange) -> Result<Answer, Error>,
) -> Endpoint {
    Endpoint {
        method: GET,
        path,
        params,
        run: Run::Read(run),
    }
}

const fn change(
    method: MethodFilter,
    path: &'static str,
    params: &'static [&'static str],
    run: fn(Exchange) -> Changing,
) -> Endpoint {
    Endpoint {
        method,
        path,
        params,
        run: Run::Change(run),
    }
}

const SETTINGS: &[&str] = &["include_defaults"];

/// Those of a table of tasks, and of the end of some of them: `TaskFilter::PARAMS` beside the others.
const TASK_TABLE: &[&str] = &[
    "from",
    "h",
    "help",
    "older_than",
    "routes",
    "s",
    "size",
    "state",
    "time",
    "v",
];
const CANCEL: &[&str] = &[
    "children",
    "older_than",
    "reason",
    "routes",
    "state",
    "timeout",
    "wait_for_completion",
];

/// Those of an end.
pub(super) const END: &[&str] = &["children", "reason", "timeout", "wait_for_completion"];

/// Those of tasks as structures.
const TASKS: &[&str] = &[
    "detailed",
    "group_by",
    "human",
    "older_than",
    "routes",
    "state",
];

/// All endpoints, in the order in which people read about them.
pub(super) const ENDPOINTS: &[Endpoint] = &[
    read("/", &[], root::root),
    read("/_cat", &[], cat::list),
    read("/_cat/routes", TABLE, cat::routes::table),
    read("/_cat/routes/{routes}", TABLE, cat::routes::table),
    read("/_cat/tasks", TASK_TABLE, cat::tasks::table),
    read("/_cat/tasks/{tasks}", TASK_TABLE, cat::tasks::table),
    read("/_cat/stacks", TABLE, cat::stacks::table),
    read("/_cat/stacks/{routes}", TABLE, cat::stacks::table),
    read("/_cat/workers", TABLE, cat::workers::table),
    read("/_routes", &[], routes::get),
    read("/_routes/{routes}", &[], routes::get),
    read("/_routes/settings", SETTINGS, routes::settings::get),
    read(
        "/_routes/{routes}/settings",
        SETTINGS,
        routes::settings::get,
    ),
    change(
        MethodFilter::PUT,
        "/_routes/{routes}/settings",
        &[],
        routes::settings::put,
    ),
    change(
        MethodFilter::POST,
        "/_routes/{routes}/interrupt",
        END,
        routes::interrupt::post,
    ),
    change(
        MethodFilter::POST,
        "/_routes/{routes}/_interrupt",
        END,
        routes::interrupt::post,
    ),
    read("/_tasks", TASKS, tasks::get::get),
    read("/_tasks/{tasks}", TASKS, tasks::get::get),
    read("/_tasks/{tasks}/print_stack", &[], tasks::print_stack::get),
    change(
        MethodFilter::POST,
        "/_tasks/_cancel",
        CANCEL,
        tasks::cancel::post,
    ),
    change(
        MethodFilter::POST,
        "/_tasks/cancel",
        CANCEL,
        tasks::cancel::post,
    ),
    change(
        MethodFilter::POST,
        "/_tasks/{tasks}/_cancel",
        CANCEL,
        tasks::cancel::post,
    ),
    change(
        MethodFilter::POST,
        "/_tasks/{tasks}/cancel",
        CANCEL,
        tasks::cancel::post,
    ),
];

/// The paths, each once.
pub(super) fn paths() -> Vec<&'static str> {
    let mut paths: Vec<&str> = ENDPOINTS.iter().map(|endpoint| endpoint.path).collect();
    paths.dedup();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_ends_of_tasks_know_every_filter() {
        for param in crate::admin::select::TaskFilter::PARAMS {
            assert!(
                [TASK_TABLE, CANCEL, TASKS]
                    .iter()
                    .all(|known| known.contains(&param)),
                "{param}"
            );
        }
        assert!(END.iter().all(|param| CANCEL.contains(param)));
        assert!(TABLE.iter().all(|param| TASK_TABLE.contains(param)));
    }

    #[test]
    fn endpoints_of_one_path_stand_together_so_that_each_path_is_listed_once() {
        let mut sorted = paths();
        sorted.sort_unstable();
        let listed = sorted.len();
        sorted.dedup();
        assert_eq!(sorted.len(), listed);
    }
}
