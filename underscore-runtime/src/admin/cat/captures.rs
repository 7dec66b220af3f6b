//! `_cat/captures`: the bundles that the service, and processes before it, have written by
//! themselves.

use std::sync::LazyLock;

use super::column::{Column, Columns};
use super::table;
use crate::admin::error::Error;
use crate::admin::render::Answer;
use crate::admin::request::Request;
use crate::admin::value::Value;
use crate::admin::words;
use crate::captures::{Capture, directory};

/// A column of this table.
type Col = Column<Capture>;

static COLUMNS: Columns<Capture> =
    LazyLock::new(|| {
        vec![
        Col::words("name", &["n"], "name of the file, for `_captures/{name}`", |capture| {
            capture.name.clone().into()
        })
        .shown(),
        // With the date, because the file may be of last week.
        Col::words("timestamp", &["ts"], "time of its cause, in UTC", |capture| {
            words::date_and_time(capture.time).into()
        })
        .time_of_day()
        .shown(),
        Col::numbers("time", &[], "the same in milliseconds since 1970", |capture| {
            Value::Moment(capture.time)
        })
        .time_of_day(),
        Col::words("cause", &["c"], "symptom that has turned red", |capture| {
            capture.cause.words().into()
        })
        .shown(),
        Col::numbers("size", &["s"], "size of the file", |capture| Value::Bytes(capture.size))
            .shown(),
        Col::numbers("pid", &[], "process that has written it", |capture| {
            u64::from(capture.pid).into()
        })
        .shown(),
        Col::words(
            "complete",
            &["cp"],
            "false for a first file without a profile, whose process has ended before the second",
            |capture| Value::Bool(capture.is_complete),
        )
        .shown(),
    ]
    });

/// `GET /_cat/captures`.
pub(in crate::admin) fn table(request: &Request) -> Result<Answer, Error> {
    table::answer(request, &COLUMNS, newest_first)
}

/// Empty if the service has no directory for captures.
fn newest_first() -> Result<Vec<Capture>, Error> {
    let Some(directory) = directory() else {
        return Ok(Vec::new());
    };
    let list = directory.list();
    list.map_err(|error| Error::unreadable_capture(directory.path(), &error))
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
