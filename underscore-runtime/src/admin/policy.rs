//! What the host says of its admin API, beside who may change something: by which names it is reached, what operators
//! may have clients sent, and what is shown of requests.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

use axum::http::Extensions;

use super::admit::may_change;
use crate::sync::{Arc, contained};

/// The host's choices. Those that are made unless it says otherwise are the default.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policy {
    /// The service's own.
    pub(crate) version: Option<String>,
    /// The names of hosts that it is reached by, besides those that can only be this machine's.
    pub(crate) hosts: Vec<String>,
    /// Headers that operators may have preempted clients sent, though they reach beyond the answer.
    pub(crate) preempt_headers: Vec<String>,
    /// Whether query strings are shown. Unless that is said, to those who may change something.
    pub(crate) show_queries: Option<bool>,
    /// What is made of a URI before anybody sees it.
    pub(crate) redact: Option<Redact>,
}

/// A function of the host's.
#[derive(Clone)]
pub(crate) struct Redact(pub(crate) Arc<dyn Fn(&str) -> String + Send + Sync>);

/// A panic of it is contained, and what it leaves behind is its own affair.
impl UnwindSafe for Redact {}
impl RefUnwindSafe for Redact {}

impl fmt::Debug for Redact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redact")
    }
}

impl Policy {
    /// The one of the server that a request came to.
    pub(super) fn of(extensions: &Extensions) -> Arc<Policy> {
        extensions.get::<Arc<Policy>>().cloned().unwrap_or_default()
    }
}

/// How URIs are shown to one who looks.
#[derive(Clone, Debug, Default)]
pub(super) struct UriView {
    with_query: bool,
    redact: Option<Redact>,
}

impl UriView {
    /// How they are shown to whoever sent a request with these extensions.
    pub(super) fn of(policy: &Policy, extensions: &Extensions) -> Self {
        let by_default = || may_change(extensions).is_ok();
        UriView {
            with_query: policy.show_queries.unwrap_or_else(by_default),
            redact: policy.redact.clone(),
        }
    }

    /// A path with its query, as it is shown.
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
