//! The table of endpoints, and axum's router that is built from it. `/_cat` lists its tables from
//! here, and errors suggest its paths. No handler may import this module.

use axum::Router;
use axum::extract::Request as HttpRequest;
use axum::http::Method;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};

use super::audit::{self, Action};
use super::cost::Cost;
use super::dispatch::{Target, dispatch, refuse};
use super::endpoint::Endpoint;
use super::error::Error;
#[cfg(feature = "live")]
use super::live;
use super::offload::Pool;
use super::params::{
    BUNDLE, CHANGE, CONNECTION_FILTER, DRAIN, END, EVENTS, PROFILE, SETTINGS, TABLE, TASK_FILTER,
    TASKS,
};
use super::policy::Policy;
use super::render::Answer;
use super::request::{Request, check_escapes};
use super::{
    bundle, captures, cat, connections, cross_origin, ended, events, health_report, logger,
    metrics, profile, root, routes, tasks,
};
use crate::housekeeping::{self, Housekeeping};
use crate::panics;
use crate::sync::Arc;

/// All endpoints, in the order of the documentation.
const ENDPOINTS: &[Endpoint] = &[
    Endpoint::read(&["/"], Cost::Inline, root::root),
    Endpoint::read(&["/_cat"], Cost::Inline, list_tables),
    Endpoint::table(
        &["/_cat/routes", "/_cat/routes/{routes}"],
        Cost::Routes,
        cat::routes::table,
    ),
    Endpoint::table(
        &["/_cat/tasks", "/_cat/tasks/{tasks}"],
        Cost::Tasks,
        cat::tasks::table,
    )
    .with_params(&[TABLE, TASK_FILTER]),
    Endpoint::table(
        &["/_cat/stacks", "/_cat/stacks/{routes}"],
        Cost::Stacks,
        cat::stacks::table,
    ),
    Endpoint::table(
        &["/_cat/awaits", "/_cat/awaits/{routes}"],
        Cost::Stacks,
        cat::awaits::table,
    ),
    Endpoint::table(
        &["/_cat/ended", "/_cat/ended/{routes}"],
        Cost::Bounded,
        cat::ended::table,
    ),
    Endpoint::table(&["/_cat/health"], Cost::Stacks, cat::health::table),
    Endpoint::table(
        &["/_cat/connections"],
        Cost::Connections,
        cat::connections::table,
    )
    .with_params(&[TABLE, CONNECTION_FILTER]),
    Endpoint::table(&["/_cat/waits"], Cost::Stacks, cat::waits::table),
    Endpoint::table(&["/_cat/workers"], Cost::Bounded, cat::workers::table),
    Endpoint::table(&["/_cat/audit"], Cost::Bounded, cat::audit::table),
    Endpoint::table(&["/_cat/captures"], Cost::Bounded, cat::captures::table),
    Endpoint::read(
        &["/_routes", "/_routes/{routes}"],
        Cost::Routes,
        routes::get,
    ),
    Endpoint::read(
        &["/_routes/settings", "/_routes/{routes}/settings"],
        Cost::Routes,
        routes::settings::get,
    )
    .with_aliases(&["/_routes/_settings", "/_routes/{routes}/_settings"])
    .with_params(&[SETTINGS]),
    Endpoint::change(
        MethodFilter::PUT,
        &["/_routes/{routes}/settings"],
        Action::Settings,
        routes::settings::put,
    )
    .with_aliases(&["/_routes/{routes}/_settings"])
    .with_params(&[SETTINGS, CHANGE]),
    Endpoint::read(
        &["/_routes/stats", "/_routes/{routes}/stats"],
        Cost::Routes,
        routes::stats,
    )
    .with_aliases(&["/_routes/_stats", "/_routes/{routes}/_stats"]),
    Endpoint::change(
        MethodFilter::POST,
        &["/_routes/{routes}/interrupt"],
        Action::Interrupt,
        routes::interrupt::post,
    )
    .with_aliases(&["/_routes/{routes}/_interrupt"])
    .with_params(&[END, CHANGE]),
    Endpoint::read(
        &["/_tasks", "/_tasks/{tasks}"],
        Cost::Tasks,
        tasks::get::get,
    )
    .with_params(&[TASKS, TASK_FILTER]),
    Endpoint::read(
        &["/_tasks/{tasks}/print_stack"],
        Cost::Tasks,
        tasks::print_stack::get,
    ),
    Endpoint::read(&["/_waits"], Cost::Stacks, cat::waits::get),
    Endpoint::read(&["/_ended", "/_ended/{tasks}"], Cost::Bounded, ended::get),
    Endpoint::change(
        MethodFilter::POST,
        &["/_tasks/_cancel", "/_tasks/{tasks}/_cancel"],
        Action::Cancel,
        tasks::cancel::post,
    )
    .with_aliases(&["/_tasks/cancel", "/_tasks/{tasks}/cancel"])
    .with_params(&[END, TASK_FILTER, CHANGE]),
    Endpoint::change(
        MethodFilter::POST,
        &["/_connections/_close", "/_connections/{connections}/_close"],
        Action::Close,
        connections::close::post,
    )
    .with_aliases(&["/_connections/close", "/_connections/{connections}/close"])
    .with_params(&[CONNECTION_FILTER, CHANGE]),
    Endpoint::read(&["/_drain"], Cost::Connections, connections::drain::get),
    Endpoint::change(
        MethodFilter::POST,
        &["/_drain"],
        Action::Drain,
        connections::drain::post,
    )
    .with_params(&[DRAIN, CHANGE]),
    Endpoint::read(&["/_logger"], Cost::Routes, logger::get),
    Endpoint::change(MethodFilter::PUT, &["/_logger"], Action::Log, logger::put)
        .with_params(&[CHANGE]),
    Endpoint::read(&["/_health_report"], Cost::Stacks, health_report::get),
    Endpoint::read(&["/_audit"], Cost::Bounded, cat::audit::get),
    Endpoint::read(&["/_events"], Cost::Bounded, events::get)
        .with_params(&[EVENTS])
        .with_own_formats(),
    Endpoint::read(&["/_metrics"], Cost::Everything, metrics::get).with_own_formats(),
    Endpoint::waiting_read(&["/_profile"], Cost::Stacks, profile::get)
        .with_aliases(&["/_nodes/hot_threads"])
        .with_params(&[PROFILE])
        .with_own_formats(),
    Endpoint::waiting_read(&["/_bundle"], Cost::Inline, bundle::get)
        .with_params(&[BUNDLE])
        .with_own_formats(),
    Endpoint::read(&["/_captures/{name}"], Cost::Bounded, captures::get).with_own_formats(),
    #[cfg(feature = "live")]
    Endpoint::read(&["/_live", "/_live/{file}"], Cost::Inline, live::get).with_own_formats(),
];

/// Returns the admin API as a router, to be mounted in a service.
///
/// Prefer [`serve_admin`](crate::serve_admin): it answers while every thread of the host's runtime
/// is blocked, file permissions control the access, and the audit records the user and the process
/// of each change. A mounted router has none of these, so mount it where only operators have
/// access.
///
/// Reads and changes run on a few threads that the whole process shares, and never block a worker
/// of the host's runtime.
///
/// The router can be nested under any prefix. Nest it into a router with a state after
/// `with_state`. Under `/ops`, `GET /ops` is the API's `/`; axum routes `/ops/` to it only with
/// `nest_service`. Nest it after [`RequestLayer`](crate::RequestLayer) is added: settings of `_all`
/// routes then leave the API itself alone.
///
/// ```
/// use axum::Router;
///
/// let app: Router = Router::new().nest("/ops", underscore_runtime::admin_router());
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # use tower::ServiceExt;
/// let request = axum::extract::Request::get("/ops/_cat/routes?v").body(axum::body::Body::empty()).unwrap();
/// assert_eq!(app.oneshot(request).await.unwrap().status(), 200);
/// # });
/// ```
pub fn admin_router() -> Router {
    panics::install();
    router()
}

/// [`admin_router`] without the panic hook.
pub(crate) fn router() -> Router {
    let (housekeeping, pool) = start();
    let mut router = Router::new();
    for path in paths() {
        for path in with_trailing_slash(path) {
            router = router.route(&path, methods(path.trim_end_matches('/'), &pool));
        }
    }
    let router = router.fallback(move |request: HttpRequest| {
        let _ = &housekeeping;
        std::future::ready(unknown_path(&request))
    });
    cross_origin::restrict_all(router.method_not_allowed_fallback(wrong_method))
}

/// Starts what every router of this API needs. Housekeeping runs while its reference exists.
pub(super) fn start() -> (Arc<Housekeeping>, Arc<Pool>) {
    crate::clock::calibrate_in_background();
    root::record_start();
    crate::routes::on_expiry(audit::expired);
    crate::logger::on_expiry(audit::log_levels_expired);
    (housekeeping::start(), Pool::shared())
}

/// `path`, and `path` with a trailing slash.
pub(super) fn with_trailing_slash(path: &str) -> Vec<String> {
    match path {
        "/" => vec![path.to_owned()],
        _ => vec![path.to_owned(), format!("{path}/")],
    }
}

/// The endpoints at `path`, each for its method. axum also answers HEAD with those for GET.
fn methods(path: &str, pool: &Arc<Pool>) -> MethodRouter {
    let is_at_path = |endpoint: &&'static Endpoint| {
        let mut paths = endpoint.all_paths();
        paths.any(|known| known.trim_end_matches('/') == path)
    };
    let at_path = ENDPOINTS.iter().filter(is_at_path);
    at_path.fold(MethodRouter::new(), |methods, endpoint| {
        let pool = Arc::clone(pool);
        let target = Target {
            endpoint,
            has_argument: path.contains('{'),
            any_host: false,
        };
        let answer = move |request: HttpRequest| dispatch(target, pool, request);
        methods.merge(on(endpoint.method, answer))
    })
}

fn unknown_path(request: &HttpRequest) -> Response {
    let escapes = check_escapes(request.uri());
    refuse(request, |path| match escapes {
        Ok(()) => Error::unknown_path(path, &paths()),
        Err(unreadable) => unreadable,
    })
}

async fn wrong_method(request: HttpRequest) -> Response {
    let method = request.method().clone();
    let policy = Policy::from_extensions(request.extensions());
    if method == Method::OPTIONS && cross_origin::check(&request, &policy.hosts).is_ok() {
        // axum adds the header that lists the methods.
        return Response::default();
    }
    refuse(&request, |path| {
        Error::wrong_method(&method, path, &methods_at(path))
    })
}

/// The methods of the endpoints at `path`, which may have a prefix.
fn methods_at(path: &str) -> Vec<&'static str> {
    let path: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let literal_parts = |endpoint: &Endpoint| {
        let matches = endpoint.all_paths();
        matches
            .filter_map(|known| literal_parts(known, &path))
            .max()
    };
    let most = ENDPOINTS.iter().filter_map(literal_parts).max();
    let mut methods: Vec<&str> = ENDPOINTS
        .iter()
        .filter(|endpoint| most.is_some() && literal_parts(endpoint) == most)
        .map(Endpoint::method_word)
        .collect();
    methods.dedup();
    methods
}

/// The number of parts of `known` that are not arguments, if `path` ends with a match: an argument
/// may be any word, so the path with the most literal parts is the one that was meant.
fn literal_parts(known: &str, path: &[&str]) -> Option<usize> {
    let parts: Vec<&str> = known.trim_end_matches('/').split('/').skip(1).collect();
    let start = path.len().checked_sub(parts.len())?;
    let given = path.get(start..)?;
    let matches = |(part, given): (&&str, &&str)| part.starts_with('{') || part == given;
    let is_match = parts.iter().zip(given).all(matches);
    is_match.then(|| parts.iter().filter(|part| !part.starts_with('{')).count())
}

/// The paths of all endpoints, each once.
fn paths() -> Vec<&'static str> {
    let mut paths = Vec::new();
    for path in ENDPOINTS.iter().flat_map(Endpoint::all_paths) {
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

/// `GET /_cat`: the tables.
#[allow(clippy::unnecessary_wraps, reason = "endpoints have one signature")]
fn list_tables(_: &Request) -> Result<Answer, Error> {
    let mut text = String::from("=^.^=\n");
    let tables = paths()
        .into_iter()
        .filter_map(|path| path.strip_prefix("/_cat"))
        .filter(|table| !table.is_empty());
    for table in tables {
        let table = table.replace("{routes}", "{route_id}");
        text.push_str(&table.replace("{tasks}", "{task_id}"));
        text.push('\n');
    }
    Ok(Answer::Text(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::{elasticsearch, params};

    /// `GET /a[/{b}]` is two endpoints.
    fn documented() -> Vec<String> {
        let page = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/admin-api.md"));
        let (_, table) = page
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
    fn the_docs_have_every_endpoint_and_no_other() {
        let requests = |endpoint: &Endpoint| {
            let method = endpoint.method_word();
            let paths = endpoint.paths.iter();
            paths.map(move |path| format!("{method} {path}"))
        };
        let mut served: Vec<String> = ENDPOINTS.iter().flat_map(requests).collect();
        let mut documented = documented();
        documented.retain(|request| cfg!(feature = "live") || !request.contains("/_live"));
        served.sort_unstable();
        documented.sort_unstable();
        assert_eq!(documented, served);
    }

    /// Groups of parameters may share a name, but not at one endpoint.
    #[test]
    fn an_endpoint_has_each_parameter_once() {
        for endpoint in ENDPOINTS {
            let mut names: Vec<&str> = params::names(endpoint.params).collect();
            let all = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), all, "{:?}", endpoint.paths);
        }
    }

    /// Elasticsearch's paths and parameters are mapped to those that exist here.
    #[test]
    fn suggestions_for_elasticsearch_users_are_endpoints() {
        let known = paths();
        for (theirs, ours) in elasticsearch::PATHS {
            assert!(known.contains(&ours), "{ours}");
            assert!(!known.contains(&theirs), "{theirs}");
        }
    }
}
