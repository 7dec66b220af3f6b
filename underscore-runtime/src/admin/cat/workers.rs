//! `_cat/workers`: the worker threads of the service, and the polls that block them.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::column::{Column, Columns};
use super::table;
use crate::admin::error::Error;
use crate::admin::render::Answer;
use crate::admin::request::Request;
use crate::admin::task_snapshot::{TaskSnapshot, snapshots};
use crate::admin::value::Value;
use crate::admin::words;
use crate::clock::Instant;
use crate::task::{TaskId, for_each_live};
use crate::threads::RuntimeNumber;
use crate::workers::{WorkerSnapshot, workers};

/// A row: a worker, and the task that it polls.
struct WorkerRow {
    worker: WorkerSnapshot,
    seen: Option<TaskSnapshot>,
}

/// A column of this table.
type Col = Column<WorkerRow>;

static COLUMNS: Columns<WorkerRow> = LazyLock::new(|| {
    vec![
    Col::numbers(
        "worker",
        &["w"],
        "number of the worker in its runtime",
        |row| u64::try_from(row.worker.index).ok().into(),
    )
    .shown(),
    Col::words(
        "thread",
        &["th"],
        "name of its thread, once that is known",
        |row| {
            let thread = row.worker.thread.as_ref();
            thread.and_then(|thread| thread.name.clone()).into()
        },
    )
    .shown(),
    Col::words(
        "state",
        &["st"],
        "parked without work, running, or blocked inside one poll",
        |row| words::worker_state(row.worker.state).into(),
    )
    .shown(),
    Col::numbers(
        "in_poll_for",
        &["ipf"],
        "time since the poll began that it is inside of, to 33 ms; of code that is not tracked only once it is blocked",
        |row| {
            row.worker.in_poll_for.map(Value::Time).into()
        },
    )
    .shown(),
    Col::numbers("task_id", &["tid"], "id of the task that it polls", |row| {
        row.worker.task.map(TaskId::number).into()
    })
    .shown(),
    Col::words("route_id", &["rid"], "id of that task's route", |row| {
        let id = row.seen.as_ref().and_then(|seen| seen.route_id);
        id.map(|id| id.to_string()).into()
    })
    .shown(),
    Col::words(
        "where",
        &["wh"],
        "source line of the last await that the task came back from, of its handler if there was none",
        |row| row.seen.as_ref().and_then(TaskSnapshot::last_place).into(),
    )
    .shown(),
    Col::numbers(
        "busy_1m",
        &["busy"],
        "share of the last minute in which it was at work, in percent",
        |row| {
            row.worker
                .busy
                .map(|share| Value::Percent(100.0 * share))
                .into()
        },
    )
    .shown(),
    Col::words(
        "kernel_wait",
        &["kw"],
        "what the kernel says that its thread does (Linux): running, futex, sleeping, ...",
        |row| {
            let thread = row.worker.thread.as_ref();
            thread.and_then(|thread| thread.kernel_wait()).into()
        },
    )
    .shown(),
    Col::numbers(
        "runtime",
        &["rt"],
        "number of its runtime, in the order in which they were first seen",
        |row| row.worker.runtime.map(RuntimeNumber::get).into(),
    )
    .shown(),
    ]
});

/// `GET /_cat/workers`.
pub(in crate::admin) fn table(request: &Request) -> Result<Answer, Error> {
    table::answer(request, &COLUMNS, || Ok(rows()))
}

fn rows() -> Vec<WorkerRow> {
    let workers = workers(Instant::now());
    let mut tasks = Vec::new();
    for_each_live(|task| {
        let polled = |worker: &WorkerSnapshot| worker.task == Some(task.id);
        if workers.iter().any(polled) {
            tasks.push(task);
        }
    });
    let mut seen: HashMap<TaskId, TaskSnapshot> =
        snapshots(tasks).map(|seen| (seen.id(), seen)).collect();
    let row = |worker: WorkerSnapshot| WorkerRow {
        seen: worker.task.and_then(|id| seen.remove(&id)),
        worker,
    };
    workers.into_iter().map(row).collect()
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
