//! `_cat/waits`: the locks, semaphores and pools that tasks wait for, who holds them, and whether
//! that can end. `_waits` has the same with each waiter and holder.

use std::sync::LazyLock;

use super::column::{Column, Columns};
use super::table;
use crate::admin::error::Error;
use crate::admin::render::{Answer, Node, ObjectKey};
use crate::admin::request::Request;
use crate::admin::resources::{resource_id, resources};
use crate::admin::value::Value;
use crate::stack::AwaitPoint;
use crate::task::TaskId;
use crate::units::nanos;
use crate::waits::{Holder, HolderState, ResourceWaits, Verdict, Waiter};

/// Maximum number of tasks and of places in a cell, and of tasks in a list of `_waits`.
const MOST_IN_CELL: usize = 8;
const MOST_IN_LIST: usize = 1_000;

/// A column of this table.
type Col = Column<ResourceWaits>;

static COLUMNS: Columns<ResourceWaits> = LazyLock::new(|| {
    vec![
        Col::words(
            "resource",
            &["r"],
            "lock, semaphore or pool, as the source calls it",
            |row| Value::text(row.name.clone()),
        )
        .shown(),
        Col::words(
            "resource_id",
            &["rid"],
            "id of the resource while it exists, for `blocking=`",
            |row| Value::text(resource_id(row)),
        ),
        Col::words(
            "type",
            &["ty"],
            "the crate, the kind, and the guarded type",
            |row| Value::text(row.kind.to_string()),
        )
        .shown(),
        Col::numbers("waiting", &["w"], "tasks that wait for it", |row| {
            count(row.waiters.len())
        })
        .shown(),
        Col::numbers(
            "oldest",
            &["o"],
            "time since the last poll of the task that has waited longest",
            |row| row.oldest().map(Value::Time).into(),
        )
        .shown(),
        Col::words("waiters", &["ws"], "these tasks", |row| {
            ids(row.waiters.iter().map(|waiter| waiter.task)).into()
        }),
        Col::words("where", &["wh"], "source lines of their awaits", |row| {
            places(row.waiters.iter().map(|waiter| waiter.point)).into()
        })
        .shown(),
        Col::words("awaiting", &["a"], "awaited expressions", |row| {
            sources(row.waiters.iter().map(|waiter| waiter.point)).into()
        }),
        Col::numbers(
            "held",
            &["h"],
            "guards of it that tasks are known to hold",
            |row| count(row.holders.len()),
        )
        .shown(),
        Col::words("holders", &["hs"], "the tasks that hold them", |row| {
            ids(row.holders.iter().map(|holder| holder.task)).into()
        })
        .shown(),
        Col::words(
            "taken",
            &["t"],
            "source lines at which they took them",
            |row| places(row.holders.iter().map(|holder| holder.taken)).into(),
        )
        .shown(),
        Col::words(
            "holders_at",
            &["ha"],
            "source lines at which the holders wait",
            |row| places(row.holders.iter().filter_map(Holder::at)).into(),
        ),
        Col::words(
            "passed_on",
            &["po"],
            "tasks that took it and moved it elsewhere, where it may still be held",
            |row| ids(row.passed_on.iter().map(|(task, _)| *task)).into(),
        ),
        Col::words(
            "known_by",
            &["kb"],
            "address, or name: then resources of one name and type are one row",
            |row| {
                if row.lock.is_some() {
                    "address"
                } else {
                    "name"
                }
                .into()
            },
        )
        .shown(),
        Col::words(
            "verdict",
            &["v"],
            "whether the wait can end by itself, as far as is known",
            |row| verdict(row).into(),
        )
        .shown(),
    ]
});

/// `GET /_cat/waits`.
pub(in crate::admin) fn table(request: &Request) -> Result<Answer, Error> {
    table::answer(request, &COLUMNS, || Ok(resources(request.cancellation())))
}

/// `GET /_waits`.
#[allow(clippy::unnecessary_wraps, reason = "endpoints have one signature")]
pub(in crate::admin) fn get(request: &Request) -> Result<Answer, Error> {
    let resources = resources(request.cancellation());
    let waits = resources.iter().map(structure).collect();
    Ok(Answer::Node(Node::object([("waits", Node::List(waits))])))
}

/// The columns, and lists of the waiters and holders.
fn structure(row: &ResourceWaits) -> Node {
    let is_list = |name: &str| {
        matches!(
            name,
            "waiters" | "holders" | "taken" | "holders_at" | "where" | "awaiting" | "passed_on"
        )
    };
    let mut object = match table::object(row, &COLUMNS, |name| !is_list(name)) {
        Node::Object(object) => object,
        other => return other,
    };
    let mut add = |name: &'static str, list: Vec<Node>| {
        object.push((ObjectKey::from(name), Node::List(list)));
    };
    add(
        "waiters",
        row.waiters.iter().take(MOST_IN_LIST).map(waiter).collect(),
    );
    add(
        "holders",
        row.holders.iter().take(MOST_IN_LIST).map(holder).collect(),
    );
    let passed_on = row.passed_on.iter().take(MOST_IN_LIST);
    add(
        "passed_on",
        passed_on
            .map(|(task, taken)| {
                Node::object([("id", id(*task)), ("taken", Node::text(taken.to_string()))])
            })
            .collect(),
    );
    let cycle = row
        .verdict
        .deadlock()
        .and_then(|deadlock| deadlock.shape.cycle());
    let steps = cycle.iter().flat_map(|cycle| &cycle.0);
    add(
        "cycle",
        steps
            .map(|(task, resource)| {
                let resource = resource.as_deref().map_or(Node::Null, Node::text);
                Node::object([("id", id(*task)), ("resource", resource)])
            })
            .collect(),
    );
    Node::Object(object)
}

fn waiter(waiter: &Waiter) -> Node {
    Node::object([
        ("id", id(waiter.task)),
        ("where", Node::text(waiter.point.to_string())),
        ("awaiting", Node::text(waiter.point.source())),
        (
            "waiting_time_in_nanos",
            waiter
                .time
                .map_or(Node::Null, |time| Node::Integer(nanos(time))),
        ),
    ])
}

fn holder(holder: &Holder) -> Node {
    let place = |point: Option<&'static AwaitPoint>| {
        point.map_or(Node::Null, |point| Node::text(point.to_string()))
    };
    Node::object([
        ("id", id(holder.task)),
        ("taken", Node::text(holder.taken.to_string())),
        ("by", Node::text(holder.taken.source())),
        ("where", place(holder.at())),
        (
            "awaiting",
            holder
                .at()
                .map_or(Node::Null, |point| Node::text(point.source())),
        ),
        (
            "running",
            Node::Bool(!matches!(holder.state, HolderState::Waiting(_))),
        ),
        (
            "blocks_thread",
            Node::Bool(matches!(holder.state, HolderState::BlocksThread)),
        ),
        ("stuck", Node::Bool(holder.is_stuck)),
    ])
}

fn id(task: TaskId) -> Node {
    Node::Integer(task.number())
}

fn count(count: usize) -> Value {
    Value::Number(u64::try_from(count).unwrap_or(u64::MAX))
}

/// Ids, each once.
fn ids(tasks: impl Iterator<Item = TaskId>) -> Option<String> {
    list(tasks.map(|task| task.number().to_string()))
}

fn places(points: impl Iterator<Item = &'static AwaitPoint>) -> Option<String> {
    list(points.map(ToString::to_string))
}

fn sources(points: impl Iterator<Item = &'static AwaitPoint>) -> Option<String> {
    list(points.map(|point| point.source().to_owned()))
}

/// The different texts, separated by commas, with an ellipsis if there are more than fit. `None` if
/// there are none.
fn list(texts: impl Iterator<Item = String>) -> Option<String> {
    let mut different: Vec<String> = Vec::new();
    for text in texts {
        if different.contains(&text) {
            continue;
        }
        if different.len() == MOST_IN_CELL {
            different.push("…".to_owned());
            break;
        }
        different.push(text);
    }
    Some(different.join(",")).filter(|text| !text.is_empty())
}

/// The verdict in words.
fn verdict(row: &ResourceWaits) -> Option<String> {
    match &row.verdict {
        Verdict::Deadlock(deadlock) => Some(deadlock.to_string()),
        Verdict::Unknown => Some(unknown(row)),
        Verdict::Busy => {
            let blocks = |holder: &&Holder| matches!(holder.state, HolderState::BlocksThread);
            if let Some(holder) = row.holders.iter().find(blocks) {
                return Some(format!("its holder blocks a thread: {}", holder.task));
            }
            let holder = row.holders.iter().find(|holder| !holder.is_stuck)?;
            let task = holder.task;
            let place = match holder.state {
                HolderState::Waiting(Some(point)) => {
                    format!(" and is at {point} {}", point.source())
                }
                HolderState::Waiting(None) => String::new(),
                HolderState::Running | HolderState::BlocksThread => " and runs".to_owned(),
            };
            let more = match row.holders.len().saturating_sub(1) {
                0 => String::new(),
                others => format!(", and {others} more"),
            };
            Some(format!("{task} holds it{place}{more}"))
        }
    }
}

fn unknown(row: &ResourceWaits) -> String {
    let known = "nobody known holds it";
    let tasks = ids(row.passed_on.iter().map(|(task, _)| *task));
    let taken = places(row.passed_on.iter().map(|(_, taken)| *taken));
    if let (Some(tasks), Some(taken)) = (tasks, taken) {
        return format!("{known}; {tasks} took it and passed it on, {taken}");
    }
    match row.alike.first() {
        Some((task, taken)) => {
            format!(
                "{known}; {task} holds one of this type, {} {taken}",
                taken.source()
            )
        }
        None => known.to_owned(),
    }
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
