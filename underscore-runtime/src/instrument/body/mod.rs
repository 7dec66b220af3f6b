//! The bodies of a task: the request's, read by the handler, and the response's, read by the
//! connection.

mod failure;
mod request;
mod response;

pub(super) use request::{watch_body, watch_body_in_layer};
pub(super) use response::track_body;
