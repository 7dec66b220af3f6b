//! The way of a request through its endpoint: it is checked as a whole, run, and answered in the
//! form that the client wants. No handler may import this module.

use axum::body::Body;
use axum::extract::Request as HttpRequest;
use axum::http::request::Parts;
use axum::http::{Extensions, StatusCode};
use axum::response::Response;

use super::audit::{AuditedCall, Peer};
use super::cancellation::Cancellation;
use super::cost::Cost;
use super::cross_origin;
use super::endpoint::{Endpoint, EndpointHandler};
use super::error::Error;
use super::offload::{Offload, Pool};
use super::params;
use super::read_body::read_body;
use super::render::{Answer, Format, Style};
use super::request::{OPAQUE_ID, Request, check_escapes, path_argument};
use super::write_access::WriteAccess;
use crate::sync::Arc;
use crate::visible::{echo, echo_one_of};

/// The number of unknown parameters that an error names.
const MOST_NAMED: usize = 5;

/// An endpoint at one of its paths.
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub(super) endpoint: &'static Endpoint,
    /// True if the path has an argument.
    pub(super) has_argument: bool,
    /// True if clients may call the service by any host name.
    pub(super) any_host: bool,
}

/// Answers a request to `target`.
pub(super) async fn dispatch(target: Target, pool: Arc<Pool>, request: HttpRequest) -> Response {
    let http = request;
    let mut request = Request::new(&http);
    let same_origin = if target.any_host {
        cross_origin::check_page(&http)
    } else {
        cross_origin::check(&http, &request.policy.hosts)
    };
    // This future is dropped when the client hangs up.
    let _client = request.cancellation().client_presence();
    let (mut parts, body) = http.into_parts();
    let argument = if target.has_argument {
        path_argument(&mut parts, &request.path).await.map(Some)
    } else {
        Ok(None)
    };
    request.argument = argument.as_ref().ok().cloned().flatten();
    // Begins before any check: the audit also records calls that are refused.
    request.call = begin_call(target, &request, &parts.extensions);
    let escapes = check_escapes(&parts.uri);
    let allowed = same_origin.and_then(|()| match target.endpoint.handler {
        EndpointHandler::Change(..) => WriteAccess::check_extensions(&parts.extensions),
        EndpointHandler::Read(_) | EndpointHandler::WaitingRead(_) => Ok(()),
    });
    let answered = match allowed.and(escapes).and(argument) {
        Ok(_) => {
            let offload = Offload::new(pool, Peer::from_extensions(&parts.extensions).uid);
            answer(&mut request, target.endpoint, &parts, body, offload).await
        }
        Err(error) => Err(error),
    };
    let response = answered.unwrap_or_else(|error| write_error(&request, &error));
    if let Some(call) = &request.call {
        call.finish(response.status());
    }
    echo_opaque_id(&request, response)
}

/// Answers a request that no endpoint takes with the error for its path.
pub(super) fn refuse(request: &HttpRequest, error: impl FnOnce(&str) -> Error) -> Response {
    let http = request;
    let request = Request::new(http);
    let error = match cross_origin::check(http, &request.policy.hosts) {
        Ok(()) => error(&request.path),
        Err(refused) => refused,
    };
    echo_opaque_id(&request, write_error(&request, &error))
}

fn echo_opaque_id(request: &Request, mut response: Response) -> Response {
    if let Some(id) = &request.opaque_id {
        response.headers_mut().insert(OPAQUE_ID, id.clone());
    }
    response
}

/// The audit record of a change. A dry run has none.
fn begin_call(target: Target, request: &Request, extensions: &Extensions) -> Option<AuditedCall> {
    let EndpointHandler::Change(action, _) = target.endpoint.handler else {
        return None;
    };
    if request.flag(&params::DRY_RUN) {
        return None;
    }
    let reason = request.value(&params::REASON);
    Some(AuditedCall::begin(
        action,
        Peer::from_extensions(extensions),
        &audited_target(target, request),
        reason.filter(|reason| !reason.is_empty()),
    ))
}

/// The target of a change as the client wrote it: the selector, and the filter behind a `?`.
fn audited_target(target: Target, request: &Request) -> String {
    let unreadable = target.has_argument.then_some(&*request.path);
    let selector = request.argument().or(unreadable).unwrap_or_default();
    let groups = [
        params::TASK_FILTER,
        params::CONNECTION_FILTER,
        &[&params::CLOSE],
    ];
    let filters = |name: &str| {
        let mut params = groups.iter().copied().flatten();
        params.any(|param| param.name == name)
    };
    let filter: Vec<String> = request
        .params
        .iter()
        .filter(|(name, _)| filters(name))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    match &*filter {
        [] => selector.to_owned(),
        filter => format!("{selector}?{}", filter.join("&")),
    }
}

async fn answer(
    request: &mut Request,
    endpoint: &'static Endpoint,
    parts: &Parts,
    body: Body,
    offload: Offload,
) -> Result<Response, Error> {
    check_params(request, endpoint)?;
    match endpoint.handler {
        EndpointHandler::Read(handler) => read(request, endpoint, handler, &offload).await,
        EndpointHandler::WaitingRead(handler) => {
            let answer = handler(request.clone(), offload.clone()).await?;
            read(request, endpoint, |_| Ok(answer), &offload).await
        }
        EndpointHandler::Change(_, handler) => {
            request.body = read_body(parts, body).await?;
            if let Some(call) = &request.call {
                call.set_executed();
            }
            let answer = handler(request.clone(), offload.clone()).await?;
            let request = request.clone();
            let write = move || write(&request, endpoint, answer);
            offload.change(write).await
        }
    }
}

async fn read(
    request: &Request,
    endpoint: &'static Endpoint,
    handler: impl FnOnce(&Request) -> Result<Answer, Error> + Send + 'static,
    offload: &Offload,
) -> Result<Response, Error> {
    let is_inline = endpoint.cost == Cost::Inline || is_help(request, endpoint);
    let cancellation = request.cancellation();
    let counted = request.clone();
    let rows = move || endpoint.cost.rows(&counted);
    let request = request.clone();
    let read = move || Ok(write(&request, endpoint, handler(&request)?));
    if is_inline {
        return read();
    }
    offload.read(cancellation, rows, read).await
}

/// Writes the answer in the requested format. Errors are written elsewhere, so `filter_path` never
/// hides one.
fn write(request: &Request, endpoint: &Endpoint, answer: Answer) -> Response {
    let answer = request.filtered(answer);
    let style = style(request, endpoint);
    answer.into_response(StatusCode::OK, style, request.cancellation())
}

/// Refuses parameters that the endpoint does not know, and values that they cannot have.
fn check_params(request: &Request, endpoint: &Endpoint) -> Result<(), Error> {
    let known = |name: &str| params::known(endpoint.params).find(|param| param.name == name);
    let mut unknown: Vec<&str> = request
        .params
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| known(name).is_none())
        .collect();
    unknown.sort_unstable();
    unknown.dedup();
    if !unknown.is_empty() {
        return Err(unknown_params(request, endpoint, &unknown));
    }
    let for_help = is_help(request, endpoint);
    let is_checked = |name: &str| !(endpoint.has_own_formats && name == params::FORMAT.name);
    request.params.iter().try_for_each(|(name, value)| {
        let known = known(name).filter(|param| is_checked(param.name));
        known.map_or(Ok(()), |param| param.check(value, for_help))
    })
}

fn unknown_params(request: &Request, endpoint: &Endpoint, unknown: &[&str]) -> Error {
    let plural = if unknown.len() > 1 { "s" } else { "" };
    let more = unknown.len().saturating_sub(MOST_NAMED);
    let listed: Vec<String> = unknown
        .iter()
        .take(MOST_NAMED)
        .map(|name| {
            format!(
                "[{}]{}",
                echo_one_of(name, unknown.len().min(MOST_NAMED)),
                params::hint(name, endpoint.params)
            )
        })
        .collect();
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    Error::illegal_argument(format!(
        "request [{}] contains unrecognized parameter{plural}: {}{more}",
        echo(&request.path),
        listed.join(", ")
    ))
}

fn write_error(request: &Request, error: &Error) -> Response {
    // JSON unless the client names YAML: `Accept` is for programs, errors are for people.
    let format = match request.value(&params::FORMAT).and_then(Format::parse) {
        Some(Format::Yaml) => Format::Yaml,
        _ => Format::Json,
    };
    let style = Style {
        format: Some(format),
        pretty: request.flag(&params::PRETTY),
    };
    // An error is short, and is written even if the read was cancelled.
    let cancellation = Cancellation::default();
    Answer::Node(error.node()).into_response(error.status(), style, &cancellation)
}

fn is_help(request: &Request, endpoint: &Endpoint) -> bool {
    endpoint.is_table && request.flag(&params::HELP)
}

/// The form of the answer. Help is always text.
fn style(request: &Request, endpoint: &Endpoint) -> Style {
    if is_help(request, endpoint) {
        return Style {
            format: Some(Format::Text),
            pretty: false,
        };
    }
    Style {
        format: request.format(),
        pretty: request.flag(&params::PRETTY),
    }
}
