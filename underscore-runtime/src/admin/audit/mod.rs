//! The audit: every call that was to change something, whoever made it and whatever became of it. Records are
//! begun in `exchange`, the one place that all such calls go through; the table is `cat::audit`.

mod call;
mod peer;
mod record;

use super::cat;
use super::error::Error;
use super::exchange::Exchange;
use super::render::{Answer, Node};

pub(super) use call::Call;
pub(crate) use peer::Peer;
pub(crate) use record::file_changed;
pub(super) use record::{Action, Record, compact, expired, newest_first};

/// `GET /_audit`: the columns of `_cat/audit`, newest first.
#[allow(clippy::unnecessary_wraps, reason = "endpoints have one signature")]
pub(super) fn get(_: &Exchange) -> Result<Answer, Error> {
    let records = newest_first();
    let object = |record| cat::object(record, cat::audit::COLUMNS, |_| true);
    let records = records.iter().map(object).collect();
    Ok(Answer::Node(Node::object([("audit", Node::List(records))])))
}
