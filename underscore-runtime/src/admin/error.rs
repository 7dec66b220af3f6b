//! The errors of the admin API: status, type and sentence. Most have a constructor, so that their
//! words are here and not where they are detected.

use std::path::Path;
use std::time::Duration;

use axum::http::{Method, StatusCode};

use super::elasticsearch;
use super::render::Node;
use crate::error_body::error_body;
use crate::visible::{echo, visible};
use crate::{captures, suggest, units};

/// True if `path` seems to contain the path of a route with unescaped slashes.
fn has_bare_slash(path: &str) -> bool {
    let selector = |(before, parts): (&str, usize)| {
        let (_, rest) = path.split_once(before)?;
        Some(rest.contains("//") || rest.starts_with('/') || rest.split('/').count() > parts)
    };
    // Prefixes, each with the maximum number of parts after it.
    let places = [("/_cat/routes/", 1), ("/_cat/stacks/", 1), ("/_routes/", 2)];
    places.into_iter().find_map(selector).unwrap_or(false)
}

/// An error with its status and type.
#[derive(Debug)]
pub(super) struct Error {
    status: StatusCode,
    kind: &'static str,
    reason: String,
}

impl Error {
    /// The request is invalid.
    pub(super) fn illegal_argument(reason: impl Into<String>) -> Self {
        Error::new(
            StatusCode::BAD_REQUEST,
            "illegal_argument_exception",
            reason,
        )
    }

    /// The value of a parameter is none of its words.
    pub(super) fn unknown_value(param: &str, word: &str, words: &[&'static str]) -> Self {
        let hint = suggest::hint(word, words.iter().copied());
        Error::illegal_argument(format!(
            "unknown value [{}] of parameter [{param}]; use one of {}{hint}",
            echo(word),
            words.join(", "),
        ))
    }

    /// The body cannot be parsed.
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

    /// The page has no such file.
    #[cfg(feature = "live")]
    pub(super) fn no_file(name: &str) -> Self {
        let files = ["live.css", "live.js"];
        Error::not_found(format!(
            "the page has no file [{}]; it has {}{}",
            echo(name),
            files.join(" and "),
            suggest::hint(name, files)
        ))
    }

    /// The client may not do this.
    pub(super) fn forbidden(reason: impl Into<String>) -> Self {
        Error::new(StatusCode::FORBIDDEN, "security_exception", reason)
    }

    /// A header in `preempt.headers` that the service has to allow.
    pub(super) fn privileged_header(header: &str) -> Self {
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

    /// The settings file is not valid.
    pub(super) fn conflict(reason: impl Into<String>) -> Self {
        Error::new(StatusCode::CONFLICT, "settings_file_exception", reason)
    }

    /// No graceful shutdown waits for a drain.
    pub(super) fn no_drain() -> Self {
        Error::new(
            StatusCode::CONFLICT,
            "illegal_state_exception",
            "no shutdown waits for a drain; give underscore_runtime::drained(..) to \
             with_graceful_shutdown",
        )
    }

    /// No filter applies log levels.
    pub(super) fn no_log_filter() -> Self {
        let line =
            "layer.with_filter(underscore_runtime::log_filter(EnvFilter::from_default_env()))";
        let cure = if cfg!(feature = "tracing-subscriber") {
            "give the layer that writes the log such a filter in main"
        } else {
            "enable the feature `tracing-subscriber` of underscore-runtime, and give the layer that \
             writes the log a filter in main"
        };
        Error::new(
            StatusCode::CONFLICT,
            "illegal_state_exception",
            format!("no log filter is installed, so log levels have no effect; {cure}: {line}"),
        )
    }

    /// The settings file cannot be written.
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

    /// The endpoint has other `methods`.
    pub(super) fn wrong_method(method: &Method, path: &str, methods: &[&str]) -> Self {
        Error::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            format!(
                "[{}] does not accept {}; use {}",
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

    /// hyper's limit.
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

    /// A part of the request did not arrive in time.
    pub(super) fn late(part: &str, limit: Duration) -> Self {
        Error::new(
            StatusCode::REQUEST_TIMEOUT,
            "request_timeout",
            format!("request {part} must be sent within {}", units::human(limit)),
        )
    }

    /// A read exceeded its time limit.
    pub(super) fn read_too_long(limit: Duration) -> Self {
        Error::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "timeout_exception",
            format!(
                "the answer was not complete within {}; request less: name routes or tasks in the path, \
                 filter tasks with [routes], [state] or [older_than], or request a page of a table with \
                 [size]",
                units::human(limit)
            ),
        )
    }

    /// The client has too many requests waiting for a thread.
    pub(super) fn too_many_waiting(waiting: usize) -> Self {
        Error::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "limit_reached",
            format!(
                "{waiting} requests of this client are waiting; retry after some of them are answered"
            ),
        )
    }

    /// As many profiles as are allowed are in progress.
    pub(super) fn too_many_profiles(most: usize) -> Self {
        Error::new(
            StatusCode::TOO_MANY_REQUESTS,
            "limit_reached",
            format!("{most} profiles are in progress; retry after one of them has ended"),
        )
    }

    /// A bundle is in progress.
    pub(super) fn bundle_in_progress() -> Self {
        Error::new(
            StatusCode::TOO_MANY_REQUESTS,
            "limit_reached",
            "another bundle is in progress; retry after it has ended, within a minute",
        )
    }

    /// The archive of a bundle cannot be written.
    pub(super) fn unwritten_bundle(error: &std::io::Error) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Error::new(
            status,
            "illegal_state_exception",
            format!("no archive: {error}"),
        )
    }

    /// The directory of captures, or one of them, cannot be read.
    pub(super) fn unreadable_capture(path: &Path, error: &std::io::Error) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        let reason = format!(
            "[{}] cannot be read: {error}; {}",
            path.display(),
            captures::cure(error.kind())
        );
        Error::new(status, "illegal_state_exception", reason)
    }

    /// Nothing was sampled during a profile.
    pub(super) fn no_sampler() -> Self {
        Error::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "illegal_state_exception",
            "no sample was taken: the thread underscore-sampler could not be started, or had no \
             processor; see the limit of processes and the load of the machine",
        )
    }

    /// The system refuses a thread.
    pub(super) fn no_thread(error: &std::io::Error) -> Self {
        Error::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "limit_reached",
            format!(
                "no thread can be started ({error}); raise the limit of processes: `ulimit -u`, \
                 `TasksMax=` of the unit, or `pids` of the container"
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

    /// The sentence.
    pub(super) fn reason(&self) -> &str {
        &self.reason
    }

    /// The body of the response.
    pub(super) fn node(&self) -> Node {
        error_body(self.status, self.kind, &visible(&self.reason), true)
    }
}
