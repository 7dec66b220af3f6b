//! The audit: a record of every request for a change, with its peer and its outcome. `dispatch`
//! begins the records, `cat::audit` shows them.

mod call;
mod peer;
mod record;

pub(super) use call::AuditedCall;
pub(crate) use peer::Peer;
pub(crate) use record::file_changed;
pub(super) use record::{Action, Record, compact, expired, log_levels_expired, newest_first};
