//! The endpoints: path, method, parameters and function of each, once. `/_cat` lists from here, the
//! router is built from here, and an unknown parameter is told from a known one by what stands here.

use std::pin::Pin;

use axum::routing::MethodFilter;

use super::audit::{self, Action};
use super::error::Error;
use super::exchange::Exchange;
use super::offload::Offload;
use super::params::{self, CHANGE, END, Group, Param, SETTINGS, TABLE, TASK_FILTER, TASKS};
use super::render::Answer;
use super::{GET, cat, metrics, root, routes, tasks};

/// One thing that can be asked for.
pub(super) struct Endpoint {
    pub(super) method: MethodFilter,
    /// In axum's syntax. What stands in braces is the one argument that a path can have.
    pub(super) path: &'static str,
    /// The parameters it knows besides those that every endpoint knows.
    pub(super) params: &'static [Group],
    pub(super) run: Run,
}

impl Endpoint {
    /// Whether it is a table, which explains itself.
    pub(super) fn is_table(&self) -> bool {
        let mut params = params::known(self.params);
        params.any(|param| param.name == params::HELP.name)
    }

    /// Whether its path names what it is about.
    pub(super) fn has_argument(&self) -> bool {
        self.path.contains('{')
    }

    /// True if its answer costs next to nothing, so that it is made without another thread.
    pub(super) fn is_at_hand(&self) -> bool {
        matches!(self.path, "/" | "/_cat")
    }

    /// Whether it says itself what a parameter may be: what it writes has formats of its own.
    pub(super) fn judges(&self, param: &Param) -> bool {
        matches!(self.run, Run::Expose(_)) && param.name == params::FORMAT.name
    }
}

/// How an endpoint comes to its answer.
pub(super) enum Run {
    /// By looking.
    Read(fn(&Exchange) -> Result<Answer, Error>),
    /// By looking, in forms of its own: what `format` and `Accept` mean is left to it.
    Expose(fn(&Exchange) -> Result<Answer, Error>),
    /// By doing something, for which it may have to wait. The audit has it under the name of the action.
    Change(Action, fn(Exchange, Offload) -> Changing),
}

/// A change under way.
pub(super) type Changing = Pin<Box<dyn Future<Output = Result<Answer, Error>> + Send>>;

const fn read(
    path: &'static str,
    params: &'static [Group],
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
    action: Action,
    method: MethodFilter,
    path: &'static str,
    params: &'static [Group],
    run: fn(Exchange, Offload) -> Changing,
) -> Endpoint {
    Endpoint {
        method,
        path,
        params,
        run: Run::Change(action, run),
    }
}

/// For machines that read a format of theirs.
const METRICS: Endpoint = Endpoint {
    method: GET,
    path: "/_metrics",
    params: &[],
    run: Run::Expose(metrics::get),
};

/// All endpoints, in the order in which people read about them.
pub(super) const ENDPOINTS: &[Endpoint] = &[
    read("/", &[], root::root),
    read("/_cat", &[], cat::list),
    read("/_cat/routes", &[TABLE], cat::routes::table),
    read("/_cat/routes/{routes}", &[TABLE], cat::routes::table),
    read("/_cat/tasks", &[TABLE, TASK_FILTER], cat::tasks::table),
    read(
        "/_cat/tasks/{tasks}",
        &[TABLE, TASK_FILTER],
        cat::tasks::table,
    ),
    read("/_cat/stacks", &[TABLE], cat::stacks::table),
    read("/_cat/stacks/{routes}", &[TABLE], cat::stacks::table),
    read("/_cat/workers", &[TABLE], cat::workers::table),
    read("/_cat/audit", &[TABLE], cat::audit::table),
    read("/_routes", &[], routes::get),
    read("/_routes/{routes}", &[], routes::get),
    read("/_routes/settings", &[SETTINGS], routes::settings::get),
    read(
        "/_routes/{routes}/settings",
        &[SETTINGS],
        routes::settings::get,
    ),
    change(
        Action::Settings,
        MethodFilter::PUT,
        "/_routes/{routes}/settings",
        &[SETTINGS, CHANGE],
        routes::settings::put,
    ),
    read("/_routes/_settings", &[SETTINGS], routes::settings::get),
    read(
        "/_routes/{routes}/_settings",
        &[SETTINGS],
        routes::settings::get,
    ),
    change(
        Action::Settings,
        MethodFilter::PUT,
        "/_routes/{routes}/_settings",
        &[SETTINGS, CHANGE],
        routes::settings::put,
    ),
    read("/_routes/stats", &[], routes::stats),
    read("/_routes/{routes}/stats", &[], routes::stats),
    read("/_routes/_stats", &[], routes::stats),
    read("/_routes/{routes}/_stats", &[], routes::stats),
    change(
        Action::Interrupt,
        MethodFilter::POST,
        "/_routes/{routes}/interrupt",
        &[END, CHANGE],
        routes::interrupt::post,
    ),
    change(
        Action::Interrupt,
        MethodFilter::POST,
        "/_routes/{routes}/_interrupt",
        &[END, CHANGE],
        routes::interrupt::post,
    ),
    read("/_tasks", &[TASKS, TASK_FILTER], tasks::get::get),
    read("/_tasks/{tasks}", &[TASKS, TASK_FILTER], tasks::get::get),
    read("/_tasks/{tasks}/print_stack", &[], tasks::print_stack::get),
    change(
        Action::Cancel,
        MethodFilter::POST,
        "/_tasks/_cancel",
        &[END, TASK_FILTER, CHANGE],
        tasks::cancel::post,
    ),
    change(
        Action::Cancel,
        MethodFilter::POST,
        "/_tasks/cancel",
        &[END, TASK_FILTER, CHANGE],
        tasks::cancel::post,
    ),
    change(
        Action::Cancel,
        MethodFilter::POST,
        "/_tasks/{tasks}/_cancel",
        &[END, TASK_FILTER, CHANGE],
        tasks::cancel::post,
    ),
    change(
        Action::Cancel,
        MethodFilter::POST,
        "/_tasks/{tasks}/cancel",
        &[END, TASK_FILTER, CHANGE],
        tasks::cancel::post,
    ),
    read("/_audit", &[], audit::get),
    METRICS,
];

/// The methods of the endpoints at `path`, which may have a prefix before it.
pub(super) fn methods_at(path: &str) -> Vec<&'static str> {
    let path: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    // How many parts are the endpoint's own: an argument may be any word.
    let literal_parts = |endpoint: &Endpoint| {
        let parts: Vec<&str> = endpoint
            .path
            .trim_end_matches('/')
            .split('/')
            .skip(1)
            .collect();
        let start = path.len().checked_sub(parts.len())?;
        let its = path.get(start..)?;
        let fits = |(part, given): (&&str, &&str)| part.starts_with('{') || part == given;
        let all_fit = parts.iter().zip(its).all(fits);
        all_fit.then(|| parts.iter().filter(|part| !part.starts_with('{')).count())
    };
    let most = ENDPOINTS.iter().filter_map(literal_parts).max();
    let mut methods: Vec<&str> = ENDPOINTS
        .iter()
        .filter(|endpoint| most.is_some() && literal_parts(endpoint) == most)
        .map(|endpoint| match endpoint.method {
            MethodFilter::PUT => "PUT",
            MethodFilter::POST => "POST",
            _ => "GET",
        })
        .collect();
    methods.dedup();
    methods
}

/// The paths, each once.
pub(super) fn paths() -> Vec<&'static str> {
    let mut paths: Vec<&str> = ENDPOINTS.iter().map(|endpoint| endpoint.path).collect();
    paths.dedup();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `GET /a[/{b}]` is two endpoints.
    fn documented() -> Vec<String> {
        let readme = include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/",
            env!("CARGO_PKG_README")
        ));
        let (_, table) = readme
            .split_once("| request | what it does |\n")
            .expect("the table is there");
        let rows = table.lines().take_while(|line| line.starts_with('|'));
        let forms = rows.filter_map(|row| row.strip_prefix("| `")?.split('`').next());
        let both = |form: &str| match form.split_once('[') {
            Some((before, rest)) => {
                let (inside, after) = rest.split_once(']').expect("it closes");
                vec![
                    format!("{before}{after}"),
                    format!("{before}{inside}{after}"),
                ]
            }
            None => vec![form.to_owned()],
        };
        forms.flat_map(both).collect()
    }

    #[test]
    fn the_readme_has_every_endpoint_and_no_other() {
        // The second spelling of a verb is there for whoever types it.
        let aliases = ["/cancel", "/_interrupt", "/_settings", "/_stats"];
        let is_alias = |path: &str| aliases.iter().any(|alias| path.ends_with(alias));
        let mut served: Vec<String> = ENDPOINTS
            .iter()
            .filter(|endpoint| !is_alias(endpoint.path))
            .map(|endpoint| {
                let method = match endpoint.method {
                    MethodFilter::PUT => "PUT",
                    MethodFilter::POST => "POST",
                    _ => "GET",
                };
                format!("{method} {}", endpoint.path)
            })
            .collect();
        let mut documented = documented();
        served.sort_unstable();
        documented.sort_unstable();
        assert_eq!(documented, served);
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
