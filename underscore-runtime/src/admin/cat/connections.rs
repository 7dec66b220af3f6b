//! `_cat/connections`: the service's own connections, and what each of them does.

use std::sync::LazyLock;

use super::column::{Column, Columns};
use super::table;
use crate::admin::connections::{Filter, Row};
use crate::admin::error::Error;
use crate::admin::render::Answer;
use crate::admin::request::Request;
use crate::admin::value::Value;
use crate::admin::words;
use crate::connection::ConnectionInfo;

/// A column of this table.
type Col = Column<Row>;

static COLUMNS: Columns<Row> = LazyLock::new(|| {
    vec![
    Col::numbers("id", &[], "id of the connection", |row| row.info().id().into()).shown(),
    Col::words("remote", &["r"], "address of the client", |row| {
        Value::text(row.info().remote().to_owned())
    })
    .shown(),
    Col::words("local", &["l"], "local address", |row| {
        Value::text(row.info().local().to_owned())
    })
    .shown(),
    Col::numbers("age", &["a"], "time since it was accepted", |row| {
        Value::Time(row.info().age(row.now))
    })
    .shown(),
    Col::words(
        "state",
        &["st"],
        "new: no byte received; head: a request head is incomplete; active: a response is incomplete; idle; upgraded; untracked: neither a layer nor an attribute tracks its requests; closing",
        |row| words::connection_state(row.state).into(),
    )
    .shown(),
    Col::numbers("requests", &["rq"], "tracked requests so far", |row| {
        row.info().requests().into()
    })
    .shown(),
    Col::numbers(
        "tasks",
        &["t"],
        "tracked requests without a complete response; on HTTP/2 open streams",
        |row| u64::from(row.info().active()).into(),
    )
    .shown(),
    Col::numbers("bytes_in", &["bi"], "bytes received", |row| {
        Value::Bytes(row.info().bytes_in())
    })
    .shown(),
    Col::numbers("bytes_out", &["bo"], "bytes sent", |row| {
        Value::Bytes(row.info().bytes_out())
    })
    .shown(),
    Col::numbers(
        "idle_for",
        &["i"],
        "time since the last byte was received or sent",
        |row| Value::Time(row.info().idle_for(row.now)),
    )
    .shown(),
    Col::words("protocol", &["p"], "http1 or http2, once bytes were received", |row| {
        protocol(row.info()).into()
    }),
]
});

fn protocol(info: &ConnectionInfo) -> Option<&'static str> {
    match info.bytes_in() {
        0 => None,
        _ if info.is_http2() => Some("http2"),
        _ => Some("http1"),
    }
}

/// `GET /_cat/connections`.
pub(in crate::admin) fn table(request: &Request) -> Result<Answer, Error> {
    table::answer(request, &COLUMNS, || Ok(Filter::read(request)?.rows()))
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
