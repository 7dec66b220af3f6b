//! Requests that have ended remarkably: slow, or badly. Ordinary requests leave nothing.
//!
//! The thread on which a request ends makes its record, before the task's slot is reused. The
//! sampler adds the timeline if it has looked at the request. The store has a fixed capacity. The
//! first ends of each second are events, too.

mod capture;
mod event;
mod kept;
mod record;
mod store;

pub(crate) use capture::{is_remarkable, keep_queries, record};
pub(crate) use record::{EndedRequest, Phase, SharedPath, Stay, Timeline};
pub(crate) use store::{Fate, added, attach, drop_old, fate, newest_first};
