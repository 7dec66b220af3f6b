//! What goes wrong at the admin API, in one shape. A constructor per situation: the words of an error
//! stand here, and the place that finds it says only what it found.

use std::time::Duration;

use axum::http::{Method, StatusCode};

use super::elasticsearch;
use super::render::Node;
use crate::error_body::error_body;
use crate::visible::{echo, visible};
use crate::{suggest, units};

/// True if there seems to be the path of a route in `path`, with its slashes as they are.
fn has_bare_slash(path: &str) -> bool {
    let selector = |(before, parts): (&str, usize)| {
        let (_, rest) = path.split_once(before)?;
        Some(rest.contains("//") || rest.starts_with('/') || rest.split('/').count() > parts)
    };
    // How many parts stand behind it at most.
    let places = [("/_cat/routes/", 1), ("/_cat/stacks/", 1), ("/_routes/", 2)];
    places.into_iter().find_map(selector).unwrap_or(false)
}

/// An error with the status and the type that a client tells it by.
#[derive(Debug)]
pub(super) struct Error {
    status: StatusCode,
    kind: &'static str,
    reason: String,
}

impl Error {
    /// Something in the request is not what it must be.
    pub(super) fn illegal_argument(reason: impl Into<String>) -> Self {
        Error::new(
            StatusCode::BAD_REQUEST,
            "illegal_argument_exception",
            reason,
        )
    }

    /// A parameter takes one of some words, and this is none of them.
    pub(super) fn unknown_value(param: &str, word: &str, words: &[&'static str]) -> Self {
        let hint = suggest::hint(word, words.iter().copied());
        Error::illegal_argument(format!(
            "unknown value [{}] of parameter [{param}]; use one of {}{hint}",
            echo(word),
            words.join(", "),
        ))
    }

    /// The body cannot be read.
    pub(super) fn parse(reason: impl Into<String>) -> Self {
        Error::new(StatusCode::BAD_REQUEST, "parse_exception", reason)
    }

    /// A route or a task does not exist.
    pub(super) fn not_found(reason: impl Into<String>) -> Self {
        Error::new(
            StatusCode::NOT_FOUND,
            "resource_not_found_exception",
            reason,
        )
    }

    /// The client may look, and not change anything.
    pub(super) fn forbidden(reason: impl Into<String>) -> Self {
        Error::new(StatusCode::FORBIDDEN, "security_exception", reason)
    }

    /// A header that has to be allowed by the service.
    pub(super) fn beyond_the_answer(header: &str) -> Self {
        Error::forbidden(format!(
            "header [{}] in [preempt.headers] is privileged; allow it in the service with \
             AdminBuilder::preempt_headers{}",
            echo(header),
            if header.eq_ignore_ascii_case("content-type") {
                ", or use a type such as text/plain or application/json"
            } else {
                ""
            }
        ))
    }

    /// The `Host` of the request is not allowed.
    pub(super) fn foreign_host(host: &str) -> Self {
        Error::forbidden(format!(
            "host [{}] is not allowed; use localhost or . as the host, or name it in AdminBuilder::hosts",
            echo(host)
        ))
    }

    /// A browser reports that a page of another site sent the request.
    pub(super) fn foreign_page(from: &str) -> Self {
        Error::forbidden(format!(
            "cross-site request from [{}] is rejected; use curl, or open the address directly",
            echo(from)
        ))
    }

    /// What is there does not allow it now.
    pub(super) fn conflict(reason: impl Into<String>) -> Self {
        Error::new(StatusCode::CONFLICT, "settings_file_exception", reason)
    }

    /// The system does not do what it was asked for.
    pub(super) fn unwritten(reason: impl Into<String>) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Error::new(status, "settings_file_exception", reason)
    }

    pub(super) fn unknown_path(path: &str, known: &[&'static str]) -> Self {
        let hint = match elasticsearch::path(path) {
            Some(here) => suggest::hint(here, [here]),
            None if has_bare_slash(path) => {
                "; a slash in the path of a route is written %2F, as in /_routes/%2Ftwice"
                    .to_owned()
            }
            None => suggest::hint(path.trim_end_matches('/'), known.iter().copied()),
        };
        Error::new(
            StatusCode::NOT_FOUND,
            "invalid_path_exception",
            format!(
                "no endpoint at [{}]; GET /_cat lists the tables{hint}",
                echo(path)
            ),
        )
    }

    /// `methods` are those that there are.
    pub(super) fn wrong_method(method: &Method, path: &str, methods: &[&str]) -> Self {
        Error::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            format!(
                "[{}] cannot be asked with {}; use {}",
                echo(path),
                echo(method.as_str()),
                methods.join(" or ")
            ),
        )
    }

    pub(super) fn media_type(found: &str) -> Self {
        Error::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "media_type_header_exception",
            format!(
                "Content-Type [{}] is not supported; send application/json",
                echo(found)
            ),
        )
    }

    pub(super) fn too_large(limit: usize) -> Self {
        Error::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "content_too_large",
            format!("request body must be at most {limit} bytes"),
        )
    }

    /// A limit of hyper's.
    pub(super) fn uri_too_long() -> Self {
        Error::new(
            StatusCode::URI_TOO_LONG,
            "uri_too_long",
            "path and query must be at most 65534 bytes",
        )
    }

    pub(super) fn head_too_large() -> Self {
        Error::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "request_header_fields_too_large",
            "request line and headers must be at most 128 KiB, with at most 100 headers",
        )
    }

    /// A part of the request was not there in time.
    pub(super) fn late(part: &str, limit: Duration) -> Self {
        Error::new(
            StatusCode::REQUEST_TIMEOUT,
            "request_timeout",
            format!("request {part} must be sent within {}", units::human(limit)),
        )
    }

    /// A look took longer than looks may.
    pub(super) fn read_too_long(limit: Duration) -> Self {
        Error::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "timeout_exception",
            format!(
                "the answer was not complete within {}; ask for less: name routes or tasks in the path, choose tasks \
                 with [routes], [state] or [older_than], or take a page of a table with [size]",
                units::human(limit)
            ),
        )
    }

    /// So many requests of the client wait for a thread already.
    pub(super) fn too_many_waiting(waiting: usize) -> Self {
        Error::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "limit_reached",
            format!(
                "{waiting} requests of this client wait already; ask again when some of them are answered"
            ),
        )
    }

    /// The system gives the process no thread to look with.
    pub(super) fn no_thread(error: &std::io::Error) -> Self {
        Error::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "limit_reached",
            format!(
                "no thread can be had ({error}); raise the limit of processes: `ulimit -u`, `TasksMax=` of the unit, \
                 or `pids` of the container"
            ),
        )
    }

    fn new(status: StatusCode, kind: &'static str, reason: impl Into<String>) -> Self {
        Error {
            status,
            kind,
            reason: reason.into(),
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// The body of the response.
    pub(super) fn node(&self) -> Node {
        error_body(self.status, self.kind, &visible(&self.reason), true)
    }
}
