//! What the host says of its admin API, beside who may change something: by which names it is reached, and what is
//! shown of requests.

use axum::http::Extensions;

use crate::sync::Arc;

/// The host's choices. Those that are made unless it says otherwise are the default.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policy {
    /// The names of hosts that it is reached by, besides those that can only be this machine's.
    pub(crate) hosts: Vec<String>,
    /// Headers that operators may have preempted clients sent, though they reach beyond the answer.
    pub(crate) preempt_headers: Vec<String>,
}

impl Policy {
    /// The one of the server that a request came to.
    pub(super) fn of(extensions: &Extensions) -> Arc<Policy> {
        extensions.get::<Arc<Policy>>().cloned().unwrap_or_default()
    }
}
