//! Bodies on their way through a task: the request's, which the handler reads, and the response's, which
//! the connection reads.

mod failure;
mod request;
mod response;

pub(super) use request::watch_body;
pub(super) use response::track_body;
