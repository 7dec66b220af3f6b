//! The service's connections, of which these models have none.

use crate::stats::StatusClass;

pub(crate) fn end_task(_: u64, _: Option<StatusClass>) {}
