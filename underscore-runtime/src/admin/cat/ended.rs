//! `_cat/ended`: requests that have ended remarkably, and the await at which each has spent the
//! most time.

use std::sync::LazyLock;

use super::column::{Column, Columns};
use super::table;
use crate::admin::ended_snapshot::{EndedSnapshot, Slowest, snapshots};
use crate::admin::error::Error;
use crate::admin::render::Answer;
use crate::admin::request::Request;
use crate::admin::value::Value;
use crate::admin::words;
use crate::stack::AwaitPoint;
use crate::task::MetaField;

/// A column of this table.
type Col = Column<EndedSnapshot>;

pub(in crate::admin) static COLUMNS: Columns<EndedSnapshot> = LazyLock::new(|| {
    vec![
    Col::numbers("id", &[], "id that the task had", |ended| ended.record.id.number().into()).shown(),
    Col::words("route_id", &["rid"], "id of the route", |ended| {
        ended.route_id.map(|id| id.to_string()).into()
    })
    .shown(),
    Col::words("method", &["m"], "method of the request", |ended| {
        ended.record.request.method().to_string().into()
    })
    .shown(),
    Col::words("path", &["p"], "path of the route", |ended| ended.path().into()).shown(),
    Col::numbers("status", &["s"], "status of the response, if there was one", |ended| {
        ended.record.status.map(|status| u64::from(status.as_u16())).into()
    })
    .shown(),
    Col::words(
        "end",
        &["e"],
        "how it ended: completed, disconnected, interrupted, expired, panicked, or failed midway in its body",
        |ended| ended.end().into(),
    )
    .shown(),
    Col::numbers("took", &["t"], "time from its begin to its end, with the body", |ended| {
        Value::Time(ended.record.took())
    })
    .shown(),
    Col::words(
        "slowest_at",
        &["sa"],
        "await at which it has spent the most time; `after` one if it ran there; where it stood at its end if \
         it was too short to be looked at",
        |ended| ended.slowest().map(|slowest| slowest.place()).into(),
    )
    .shown(),
    Col::numbers("slowest_for", &["sf"], "time there, to 33 ms", |ended| {
        ended.slowest().and_then(|Slowest { time, .. }| time).map(Value::Time).into()
    })
    .shown(),
    Col::words("slowest_awaiting", &["sw"], "expression that is awaited there", |ended| {
        let point = ended.slowest().and_then(|slowest| slowest.point);
        point.map(AwaitPoint::source).into()
    }),
    Col::words(
        "slow",
        &[],
        "true if the response took longer than the `slow_after` of its route",
        |ended| Value::Bool(ended.record.is_slow),
    ),
    Col::words("where", &["w"], "await at which it stood, or had last stood, at its end", |ended| {
        ended.last().map(ToString::to_string).into()
    }),
    Col::words("awaiting", &["a"], "expression that is awaited there", |ended| {
        ended.last().map(AwaitPoint::source).into()
    }),
    Col::words("started", &["start"], "its begin, in UTC", |ended| {
        words::date_and_time(ended.started).into()
    })
    .time_of_day(),
    Col::words("ended", &["ts"], "its end, in UTC", |ended| {
        words::date_and_time(ended.ended).into()
    })
    .time_of_day(),
    Col::words(
        "uri",
        &["u"],
        "path of the request, and its query if `AdminBuilder::keep_queries` is set",
        |ended| ended.uri().into(),
    ),
    Col::words("remote", &["r"], "address of the client, where the app provides it", |ended| {
        ended.record.request.remote.map(|remote| remote.to_string()).into()
    }),
    Col::words("request_id", &["xrid"], "`X-Request-Id` of the request", |ended| {
        ended.field(MetaField::RequestId).into()
    }),
    Col::words("trace_id", &["tid"], "id of the trace in the request's traceparent", |ended| {
        ended.trace_id().into()
    }),
    Col::words("x_opaque_id", &["xoid"], "`X-Opaque-Id` of the request", |ended| {
        ended.field(MetaField::OpaqueId).into()
    }),
    Col::words("reason", &["re"], "reason of the interrupt, or the timeout that expired", |ended| {
        ended.record.reason.as_deref().map(str::to_owned).into()
    }),
    Col::numbers(
        "bytes_sent",
        &["bs"],
        "bytes of a streaming response's body that were produced",
        |ended| ended.record.bytes_sent.map(Value::Bytes).into(),
    ),
    Col::words("interrupted_by", &["by"], "process and user that interrupted it", |ended| {
        ended.record.interrupted_by.as_deref().map(str::to_owned).into()
    }),
    Col::words("panic", &["pm"], "message of the panic", |ended| {
        let panic = ended.record.panic.as_ref();
        panic.map(|panic| panic.message.to_string()).into()
    }),
    Col::words("panicked_at", &["pa"], "place of the panic", |ended| {
        let panic = ended.record.panic.as_ref();
        panic.map(|panic| panic.place.to_string()).into()
    }),
    Col::numbers("looks", &["l"], "looks of the sampler that the times rest on", |ended| {
        ended.record.timeline().map(|timeline| timeline.looks).into()
    }),
]
});

/// `GET /_cat/ended[/{routes}]`.
pub(in crate::admin) fn table(request: &Request) -> Result<Answer, Error> {
    table::answer(request, &COLUMNS, || snapshots(request, request.argument()))
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
