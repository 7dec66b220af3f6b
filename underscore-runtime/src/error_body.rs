//! The body of an error response: of the admin API, and of a service's route that this crate
//! answers in the handler's place.

use axum::http::StatusCode;

use crate::node::Node;

/// `{"error": {"type": kind, "reason": reason}, "status": 503}`. The admin API prepends
/// `root_cause`, a list of the same, which clients of Elasticsearch read.
pub(crate) fn error_body(
    status: StatusCode,
    kind: &'static str,
    reason: &str,
    has_root_cause: bool,
) -> Node {
    let cause = || [("type", Node::text(kind)), ("reason", Node::text(reason))];
    let root_cause =
        has_root_cause.then(|| ("root_cause", Node::List(vec![Node::object(cause())])));
    Node::object([
        ("error", Node::object(root_cause.into_iter().chain(cause()))),
        ("status", Node::Integer(status.as_u16().into())),
    ])
}
