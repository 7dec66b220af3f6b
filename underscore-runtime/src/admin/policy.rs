//! Options of `AdminBuilder` that apply per request: host names, allowed preempt headers, URIs. And
//! the socket that the server was bound to.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::PathBuf;

use axum::http::Extensions;

use super::write_access::WriteAccess;
use crate::sync::{Arc, contained};

/// The options of one server or router.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policy {
    /// The version of the service.
    pub(crate) version: Option<String>,
    /// Host names that are allowed in addition to local ones.
    pub(crate) hosts: Vec<String>,
    /// Names of privileged headers that are allowed in `preempt.headers`.
    pub(crate) preempt_headers: Vec<String>,
    /// Overrides who sees query strings. By default, peers that may make changes.
    pub(crate) show_queries: Option<bool>,
    /// True if the records of ended requests keep query strings.
    pub(crate) keep_queries: bool,
    /// Applied to every URI before it is shown.
    pub(crate) redact: Option<Redact>,
    /// The file of the socket. `None` for a router, and for a socket without a file.
    pub(crate) socket: Option<PathBuf>,
}

/// A redaction hook of the host.
#[derive(Clone)]
pub(crate) struct Redact(pub(crate) Arc<dyn Fn(&str) -> String + Send + Sync>);

/// Safe: a panic in the hook is contained, and the hook's own state is not observed here.
impl UnwindSafe for Redact {}
impl RefUnwindSafe for Redact {}

impl fmt::Debug for Redact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redact")
    }
}

impl Policy {
    /// The policy of the server that received a request.
    pub(super) fn from_extensions(extensions: &Extensions) -> Arc<Policy> {
        extensions.get::<Arc<Policy>>().cloned().unwrap_or_default()
    }
}

/// The form in which request URIs are shown to one client of the admin API.
#[derive(Clone, Debug, Default)]
pub(super) struct UriView {
    with_query: bool,
    redact: Option<Redact>,
}

impl UriView {
    /// The view of the peer that sent a request with these extensions.
    pub(super) fn new(policy: &Policy, extensions: &Extensions) -> Self {
        let by_default = || WriteAccess::check_extensions(extensions).is_ok();
        UriView {
            with_query: policy.show_queries.unwrap_or_else(by_default),
            redact: policy.redact.clone(),
        }
    }

    /// The view of a peer that may only read: paths without queries.
    pub(super) fn without_queries(self) -> Self {
        UriView {
            with_query: false,
            ..self
        }
    }

    /// Renders a path and query.
    pub(super) fn show(&self, uri: &str) -> String {
        let uri = match &self.redact {
            None => uri.to_owned(),
            Some(Redact(redact)) => {
                contained(|| redact(uri)).unwrap_or_else(|| "(redacting it panicked)".to_owned())
            }
        };
        match uri.split_once('?') {
            Some((path, _)) if !self.with_query => path.to_owned(),
            _ => uri,
        }
    }
}
