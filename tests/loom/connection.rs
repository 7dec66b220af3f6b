//! The service's connections, of which these models have none.

use axum::http::StatusCode;

pub(crate) fn end_task(_: u64, _: Option<StatusCode>) {}
