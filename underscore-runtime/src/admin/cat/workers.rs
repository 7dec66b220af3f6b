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
    task: Option<TaskSnapshot>,
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
        "name of its thread, if known",
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
        "time since its current poll began, to 33 ms; for untracked code only while blocked",
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
        let id = row.task.as_ref().and_then(|task| task.route_id);
        id.map(|id| id.to_string()).into()
    })
    .shown(),
    Col::words(
        "where",
        &["wh"],
        "source line of the last await that returned in the task, or of its handler if there was none",
        |row| row.task.as_ref().and_then(TaskSnapshot::last_place).into(),
    )
    .shown(),
    Col::numbers(
        "busy_1m",
        &["busy"],
        "busy share of the last minute, in percent",
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
        "state of its thread in the kernel (Linux): running, futex, sleeping, ...",
        |row| {
            let thread = row.worker.thread.as_ref();
            thread.and_then(|thread| thread.kernel_wait()).into()
        },
    )
    .shown(),
    Col::numbers(
        "runtime",
        &["rt"],
        "number of its runtime, in the order of discovery",
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
    let mut snapshots_by_id: HashMap<TaskId, TaskSnapshot> =
        snapshots(tasks).map(|task| (task.id(), task)).collect();
    let row = |worker: WorkerSnapshot| WorkerRow {
        task: worker.task.and_then(|id| snapshots_by_id.remove(&id)),
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
