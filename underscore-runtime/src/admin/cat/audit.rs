//! `_cat/audit` and `_audit`: the calls that were to make a change, and how they were answered.

use std::sync::{Arc, LazyLock};

use super::column::{Column, Columns};
use super::table;
use crate::admin::audit::{Record, newest_first};
use crate::admin::error::Error;
use crate::admin::render::{Answer, Node};
use crate::admin::request::Request;
use crate::admin::value::Value;
use crate::admin::words;

/// A column of this table.
type Col = Column<Arc<Record>>;

static COLUMNS: Columns<Arc<Record>> = LazyLock::new(|| {
    vec![
    // With the date, because rows may be days old.
    Col::words(
        "timestamp",
        &["ts"],
        "end of the call, in UTC",
        |record| words::date_and_time(record.time).into(),
    )
    .time_of_day()
    .shown(),
    Col::numbers(
        "time",
        &[],
        "the same in milliseconds since 1970",
        |record| Value::Moment(record.time),
    )
    .time_of_day(),
    Col::numbers("uid", &[], "user that connected to the socket, or owner of the changed file", |record| {
        record.peer.uid.map(u64::from).into()
    })
    .shown(),
    Col::numbers("gid", &[], "its group", |record| {
        record.peer.gid.map(u64::from).into()
    }),
    Col::numbers(
        "pid",
        &[],
        "process that connected to the socket",
        |record| record.peer.pid.map(u64::from).into(),
    )
    .shown(),
    Col::words(
        "process",
        &["proc"],
        "name of that process (Linux)",
        |record| record.process.clone().into(),
    )
    .shown(),
    Col::words(
        "action",
        &["a"],
        "settings, interrupt, cancel, log for log levels, expire for what expired, file for a change of the settings file",
        |record| record.action.word().into(),
    )
    .shown(),
    Col::words(
        "target",
        &["t"],
        "routes or tasks as given, with the filter",
        |record| {
            // A call without a target was refused for that.
            let target = Some(record.target.clone());
            target.filter(|target| !target.is_empty()).into()
        },
    )
    .shown(),
    Col::words(
        "before",
        &["b"],
        "settings of the routes before the change, to 1 KiB",
        |record| record.before.clone().into(),
    ),
    Col::words(
        "after",
        &["af"],
        "settings of the routes after it, to 1 KiB",
        |record| record.after.clone().into(),
    ),
    Col::words("reason", &["r"], "reason, if given", |record| {
        record.reason.clone().into()
    })
    .shown(),
    Col::numbers(
        "status",
        &["st"],
        "status of the answer, missing if the client left before",
        |record| record.status.map(u64::from).into(),
    )
    .shown(),
    Col::numbers(
        "seq",
        &["n"],
        "number of the record, from 1; unlike a time, it never decreases",
        |record| Value::Number(record.seq),
    ),
    ]
});

/// `GET /_cat/audit`.
pub(in crate::admin) fn table(request: &Request) -> Result<Answer, Error> {
    table::answer(request, &COLUMNS, || Ok(newest_first()))
}

/// `GET /_audit`: the columns of `_cat/audit`, newest first.
#[allow(clippy::unnecessary_wraps, reason = "endpoints have one signature")]
pub(in crate::admin) fn get(_: &Request) -> Result<Answer, Error> {
    let records = newest_first();
    let object = |record| table::object(record, &COLUMNS, |_| true);
    let records = records.iter().map(object).collect();
    Ok(Answer::Node(Node::object([("audit", Node::List(records))])))
}

#[cfg(test)]
mod tests {
    use super::super::column::assert_names_are_unique;
    use super::*;

    #[test]
    fn names_and_aliases_are_unique() {
        assert_names_are_unique(&COLUMNS);
    }
}
