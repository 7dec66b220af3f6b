//! The admin API: the only place that knows HTTP words. Every endpoint is one entry of `endpoints`; a
//! request goes through `exchange`, which reads what it asks for, and comes out of `render`.

mod admit;
mod audit;
mod browsers;
mod cat;
mod changers;
mod dry_run;
mod elsewhere;
mod ending;
mod endpoints;
mod error;
mod exchange;
mod filter_path;
mod metrics;
mod no_worker_free;
mod offload;
mod params;
mod policy;
mod read_body;
#[cfg(test)]
mod readme;
mod render;
mod root;
mod routes;
mod seen;
mod select;
mod tasks;
mod unread;

use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};

use crate::sync::Arc;
use admit::{check_browser, check_escapes};
pub(crate) use audit::{Peer, file_changed};
pub(crate) use changers::Changers;
use endpoints::{ENDPOINTS, Endpoint};
use error::Error;
use exchange::Exchange;
pub(crate) use offload::Pool;
pub(crate) use policy::{Policy, Redact};
pub(crate) use read_body::{LARGEST_BODY, ReadTimeout};
pub(crate) use unread::Unread;

/// The admin API as a router, for those who serve it themselves.
///
/// [`serve_admin`](crate::serve_admin) is the better choice for an incident: it answers while every
/// thread of the host's runtime is blocked, file permissions say who may use it, and the audit says who
/// did. A router that is mounted in the host's own service has none of it, so put it where only operators
/// come; its calls are audited without a user and a process.
///
/// Looks and changes run on threads of this crate, a few for the whole process, and never block a
/// worker of the host's runtime.
///
/// It can be nested under any prefix; what is in the paths of the API stays as it is behind it. A router
/// with a state takes it after `with_state`. Under `/ops`, `GET /ops` is the API's `/`; axum sends
/// `/ops/` there only with `nest_service`.
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
    crate::clock::calibrate_in_background();
    // It runs as long as there is a router that shows what it finds.
    let sampling = crate::workers::start();
    let pool = Pool::shared();
    root::note_start();
    crate::route::linked::read();
    crate::table::on_expiry(audit::expired);
    let mut router = Router::new();
    for path in endpoints::paths() {
        for path in with_trailing_slash(path) {
            router = router.route(&path, methods(path.trim_end_matches('/'), &pool));
        }
    }
    router
        .fallback(move |request: Request| {
            let _ = &sampling;
            std::future::ready(unknown_path(&request))
        })
        .method_not_allowed_fallback(wrong_method)
        .layer(map_response(|mut response: Response| {
            browsers::restrict(response.headers_mut());
            std::future::ready(response)
        }))
}

/// `path`, and the same with a slash at its end.
fn with_trailing_slash(path: &str) -> Vec<String> {
    match path {
        "/" => vec![path.to_owned()],
        _ => vec![path.to_owned(), format!("{path}/")],
    }
}

/// What the endpoints at `path` answer, each to its own method.
fn methods(path: &str, pool: &Arc<Pool>) -> MethodRouter {
    let at_path = |endpoint: &&'static Endpoint| endpoint.path.trim_end_matches('/') == path;
    ENDPOINTS
        .iter()
        .filter(at_path)
        .fold(MethodRouter::new(), |methods, endpoint| {
            let pool = Arc::clone(pool);
            let answer = move |request: Request| Exchange::run(endpoint, pool, request);
            methods.merge(on(endpoint.method, answer))
        })
}

fn unknown_path(request: &Request) -> Response {
    let readable = check_escapes(request.uri());
    Exchange::refuse(request, |path| match readable {
        Ok(()) => Error::unknown_path(path, &endpoints::paths()),
        Err(unreadable) => unreadable,
    })
}

async fn wrong_method(request: Request) -> Response {
    let method = request.method().clone();
    if method == Method::OPTIONS && check_browser(&request).is_ok() {
        // Which methods there are stands in the header that axum adds.
        return Response::default();
    }
    Exchange::refuse(&request, |path| {
        Error::wrong_method(&method, path, &endpoints::methods_at(path))
    })
}

/// Read-only endpoints; axum answers HEAD with them too.
const GET: MethodFilter = MethodFilter::GET;
