//! `_cat/tasks`: every piece of work in flight, whose it is, and the line it is stuck on.

use std::sync::LazyLock;

use super::column::{Column, Columns};
use super::table;
use crate::admin::error::Error;
use crate::admin::render::Answer;
use crate::admin::request::Request;
use crate::admin::select::TaskFilter;
use crate::admin::task_snapshot::{TaskSnapshot, oldest_first, snapshots_in_state};
use crate::admin::value::Value;
use crate::admin::words;
use crate::stack::on_one_line;
use crate::task::{TaskId, TaskRef};
use crate::threads::RuntimeNumber;
use crate::units;

/// A column of this table.
type Col = Column<TaskSnapshot>;

static COLUMNS: Columns<TaskSnapshot> = LazyLock::new(|| {
    vec![
    Col::numbers("id", &[], "task id, never used twice", |task| {
        Value::Number(task.id().number())
    })
    .shown(),
    Col::words(
        "name",
        &["n"],
        "name of the route, or of the background work",
        |task| task.name().map(str::to_owned).into(),
    ),
    Col::words(
        "coro",
        &[],
        "path of the handler function, or type of the background work's future",
        |task| task.code().into(),
    ),
    Col::words(
        "route_id",
        &["rid"],
        "id of the route that it is a request of, or works for",
        |task| task.route_id.map(|id| id.to_string()).into(),
    )
    .shown(),
    Col::numbers(
        "parent_task_id",
        &["ptid"],
        "id of the task in which it was begun",
        |task| task.task.parent().map(TaskId::number).into(),
    ),
    Col::words(
        "type",
        &["ty"],
        "request, or background for work that was given to track or spawn",
        |task| task.kind_word().into(),
    ),
    Col::words("method", &["m"], "method of the request", |task| {
        let method = task.request().map(|request| request.method().to_string());
        method.into()
    })
    .shown(),
    Col::words("path", &["p"], "path of the route", |task| {
        let path = task.route().and_then(|route| route.identity.path.as_deref());
        path.map(str::to_owned).into()
    })
    .shown(),
    Col::words("uri", &["u"], "path and query of the request", |task| {
        task.uri().into()
    }),
    Col::words(
        "state",
        &["st"],
        "running inside a poll now, waiting to be woken, streaming its response's body, or queued for a blocking thread",
        |task| words::task_state(task.state()).into(),
    )
    .shown(),
    Col::numbers(
        "running_time",
        &["time"],
        "time since it was begun",
        |task| Value::Time(task.age),
    )
    .shown(),
    Col::numbers(
        "running_time_ns",
        &["time_ns"],
        "the same in nanoseconds",
        |task| Value::Number(units::nanos(task.age)),
    ),
    Col::numbers(
        "waiting_time",
        &["wt"],
        "time since its last poll was over, to 33 ms",
        |task| task.waiting_time().map(Value::Time).into(),
    ),
    Col::words(
        "where",
        &["w"],
        "source line of the await it waits on; of the last one while it runs",
        |task| task.place().into(),
    )
    .shown(),
    Col::words(
        "awaiting",
        &["a"],
        "source text of what is awaited there; `the client` if its response waits for that to take more",
        |task| task.awaiting().into(),
    )
    .shown(),
    Col::words(
        "kept",
        &[],
        "awaits of futures that were polled before, and not by the await that the task is at now",
        |task| {
            let kept = (!task.kept.is_empty()).then(|| on_one_line(&task.kept));
            kept.into()
        },
    ),
    Col::words(
        "cancellable",
        &["cb"],
        "false while it blocks a thread inside one poll",
        |task| Value::Bool(task.is_cancellable()),
    ),
    Col::words(
        "cancelling",
        &["cg"],
        "true once it was told to end, until it is gone",
        |task| Value::Bool(task.task.found.is_interrupted()),
    ),
    Col::numbers("polls", &[], "how often it was polled", |task| {
        Value::Number(task.task.polls)
    }),
    Col::words(
        "thread",
        &["th"],
        "name of the thread that is inside its poll",
        |task| task.thread_name().map(str::to_owned).into(),
    ),
    Col::numbers(
        "runtime",
        &["rt"],
        "number of the runtime that it was begun in, as in _cat/workers",
        |task| task.task.runtime.map(RuntimeNumber::get).into(),
    ),
    Col::words(
        "remote",
        &["r"],
        "address of the client, where the app provides it",
        |task| task.remote().into(),
    ),
    Col::words(
        "http_version",
        &["hv"],
        "HTTP version of the request",
        |task| task.http_version().into(),
    ),
    Col::words(
        "x_opaque_id",
        &["xoid"],
        "X-Opaque-Id of the request",
        |task| task.opaque_id().into(),
    ),
    Col::words(
        "request_id",
        &["xrid"],
        "X-Request-Id of the request",
        |task| task.request_id().into(),
    ),
    Col::words(
        "trace_id",
        &["tid"],
        "id of the trace in the request's traceparent",
        |task| task.trace_id().into(),
    ),
    Col::numbers(
        "bytes_sent",
        &["bs"],
        "bytes of a streaming response's body that the handler gave so far, before a layer around it compresses them",
        |task| task.task.bytes_sent.map(Value::Bytes).into(),
    ),
    Col::numbers(
        "start_time",
        &["start"],
        "when it was begun, in milliseconds since 1970",
        |task| Value::Number(words::epoch_millis(task.started)),
    )
    .time_of_day(),
    Col::words(
        "timestamp",
        &["ts"],
        "when it was begun, as a time of day in UTC",
        |task| words::time_of_day(task.started).into(),
    )
    .time_of_day(),
    ]
});

/// `GET /_cat/tasks[/{tasks}]`.
pub(in crate::admin) fn table(request: &Request) -> Result<Answer, Error> {
    // What is wrong with it is told where rows are wanted, and not where help is.
    let filter = TaskFilter::read(request);
    let state = filter.as_ref().ok().and_then(TaskFilter::state);
    table::answer_of(
        request,
        &COLUMNS,
        || tasks(request, &filter?),
        |tasks| snapshots_in_state(tasks, state, request.uris.clone()),
        |_| &[],
    )
}

fn tasks(request: &Request, filter: &TaskFilter) -> Result<Vec<TaskRef>, Error> {
    let mut tasks = filter.tasks(request.argument().unwrap_or("_all"))?;
    oldest_first(&mut tasks);
    Ok(tasks)
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
