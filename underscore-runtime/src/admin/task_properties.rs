//! The properties of a task, each once: its name, its value, and where it is shown. `_cat/tasks`,
//! `_tasks` and `print_stack` are made from this table.

use super::render::{Node, ObjectKey};
use super::task_snapshot::TaskSnapshot;
use super::value::Value;
use super::words;
use crate::guards::{HeldGuard, guard_of, resource_name};
use crate::stack::{Frame, on_one_line};
use crate::task::TaskId;
use crate::threads::RuntimeNumber;
use crate::units;

/// A property of a task.
pub(super) struct Property {
    pub(super) name: &'static str,
    pub(super) value: fn(&TaskSnapshot) -> Value,
    /// The value in structured answers, if it is itself a structure.
    structure: Option<fn(&TaskSnapshot) -> Node>,
    /// The column of `_cat/tasks`.
    pub(super) column: Option<ColumnInfo>,
    /// The level of detail at which `_tasks` shows it.
    in_tasks: Option<Level>,
    in_print_stack: bool,
}

/// The properties of a column apart from its value.
#[derive(Clone, Copy)]
pub(super) struct ColumnInfo {
    pub(super) aliases: &'static [&'static str],
    pub(super) help: &'static str,
    pub(super) is_number: bool,
    pub(super) is_default: bool,
    pub(super) is_time_of_day: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Always,
    Detailed,
}

/// The parameters `detailed` and `human`.
#[derive(Clone, Copy)]
pub(super) struct Detail {
    pub(super) detailed: bool,
    pub(super) human: bool,
}

/// All properties, in the order of `_tasks` and `print_stack`; those of `_cat/tasks` alone are
/// last.
pub(super) const PROPERTIES: &[Property] = &[
    Property::new("id", |task| Value::Number(task.id().number()))
        .number_column(&[], "task id, never used twice")
        .by_default()
        .in_tasks(),
    Property::new("type", |task| task.kind_word().into())
        .column(
            &["ty"],
            "request, or background for work passed to track or spawn",
        )
        .in_tasks()
        .in_print_stack(),
    Property::new("action", |task| task.action().into()).in_tasks(),
    Property::new("name", |task| task.name().map(str::to_owned).into())
        .column(&["n"], "name of the route, or of the background work")
        .in_tasks()
        .in_print_stack(),
    Property::new("route_id", |task| {
        task.route_id.map(|id| id.to_string()).into()
    })
    .column(
        &["rid"],
        "id of the route that the task is a request of, or works for",
    )
    .by_default()
    .in_tasks()
    .in_print_stack(),
    Property::new("parent_task_id", |task| {
        task.task.parent().map(TaskId::number).into()
    })
    .number_column(&["ptid"], "id of the task in which it was begun")
    .in_tasks(),
    Property::new("method", |task| {
        let method = task.request().map(|request| request.method().to_string());
        method.into()
    })
    .column(&["m"], "method of the request")
    .by_default()
    .in_tasks()
    .in_print_stack(),
    Property::new("path", |task| task.path().map(str::to_owned).into())
        .column(&["p"], "path of the route")
        .by_default()
        .in_tasks()
        .in_print_stack(),
    Property::new("state", |task| words::task_state(task.state()).into())
        .column(
            &["st"],
            "running inside a poll now, waiting to be woken, streaming its response's body, or queued for a \
             blocking thread",
        )
        .by_default()
        .in_tasks()
        .in_print_stack(),
    Property::new("stage", |task| task.task.stage.map(words::stage).into())
        .column(
            &["sg"],
            "part of the service that a request is in: middleware, extractors, handler, body, or service where no \
             annotated handler is known",
        )
        .by_default()
        .in_tasks()
        .in_print_stack(),
    Property::new("start_time", |task| Value::Moment(task.started))
        .number_column(&["start"], "start, in milliseconds since 1970")
        .time_of_day()
        .in_tasks(),
    Property::new("running_time", |task| Value::Time(task.age))
        .number_column(&["time"], "time since the task was begun")
        .by_default()
        .in_tasks()
        .in_print_stack(),
    Property::new("where", |task| task.place().into())
        .column(
            &["w"],
            "source line of the await it waits at, or of the last one while it runs",
        )
        .by_default()
        .in_tasks(),
    Property::new("awaiting", |task| task.awaiting().into())
        .column(
            &["a"],
            "awaited expression; `the client` if its response waits for the client to read more",
        )
        .by_default()
        .in_tasks(),
    // `_tasks` omits it if there are none.
    Property::new("holding", |task| task.holding().into())
        .with_structure(|task| Node::List(task.held().map(held_guard).collect()))
        .column(
            &["ho"],
            "guards of locks, permits and connections that it holds, each with the source line at which it took it",
        )
        .in_tasks()
        .in_print_stack(),
    Property::new("cancellable", |task| Value::Bool(task.is_cancellable()))
        .column(&["cb"], "false while it blocks a thread inside one poll")
        .in_tasks(),
    Property::new("cancelling", |task| {
        Value::Bool(task.task.found.is_interrupted())
    })
    .column(&["cg"], "true from an interrupt until the task has ended")
    .in_tasks(),
    Property::structure("headers", headers).in_tasks(),
    Property::new("description", |task| task.description().into()).in_detailed_tasks(),
    Property::new("coro", |task| task.code().into())
        .column(
            &[],
            "path of the handler function, or type of the background work's future",
        )
        .in_detailed_tasks(),
    Property::new("uri", |task| task.uri().into())
        .column(&["u"], "path and query of the request")
        .in_detailed_tasks(),
    Property::new("remote", |task| task.remote().into())
        .column(&["r"], "address of the client, where the app provides it")
        .in_detailed_tasks(),
    Property::new("connection", |task| task.connection.into())
        .number_column(
            &["conn"],
            "id of the connection that the request came on, where that is tracked",
        )
        .in_detailed_tasks(),
    Property::new("http_version", |task| task.http_version().into())
        .column(&["hv"], "HTTP version of the request")
        .in_detailed_tasks(),
    Property::new("trace_id", |task| task.trace_id().into())
        .column(&["tid"], "id of the trace in the request's traceparent")
        .in_detailed_tasks(),
    Property::new("bytes_sent", |task| {
        task.task.bytes_sent.map(Value::Bytes).into()
    })
    .number_column(
        &["bs"],
        "bytes of a streaming response's body that the handler has produced so far, before a layer \
         compresses them",
    )
    .in_detailed_tasks(),
    Property::new("polls", |task| Value::Number(task.task.polls))
        .number_column(&[], "number of polls")
        .in_detailed_tasks(),
    Property::new("waiting_time", |task| {
        task.waiting_time().map(Value::Time).into()
    })
    .number_column(&["wt"], "time since its last poll ended, to 33 ms")
    .in_detailed_tasks(),
    Property::new("in_poll_for", |task| {
        task.in_poll_for().map(Value::Time).into()
    })
    .in_detailed_tasks()
    .in_print_stack(),
    Property::new("thread", |task| {
        task.thread_name().map(str::to_owned).into()
    })
    .column(&["th"], "name of the thread that polls it")
    .in_detailed_tasks()
    .in_print_stack(),
    Property::new("kernel_wait", |task| task.kernel_wait().into())
        .in_detailed_tasks()
        .in_print_stack(),
    Property::structure("stack", |task| Node::List(frames(&task.frames)))
        .in_detailed_tasks()
        .in_print_stack(),
    // `_tasks` omits it if there are none, as it omits every missing value.
    Property::new("kept", |task| {
        let kept = (!task.kept.is_empty()).then(|| on_one_line(&task.kept));
        kept.into()
    })
    .with_structure(|task| Node::List(frames(&task.kept)))
    .column(
        &[],
        "awaits of futures that were polled earlier, and not by the current await",
    )
    .in_detailed_tasks()
    .in_print_stack(),
    Property::new("running_time_ns", |task| {
        Value::Number(units::nanos(task.age))
    })
    .number_column(&["time_ns"], "the same in nanoseconds"),
    Property::new("runtime", |task| {
        task.task.runtime.map(RuntimeNumber::get).into()
    })
    .number_column(
        &["rt"],
        "number of the runtime in which it was begun, as in _cat/workers",
    ),
    Property::new("x_opaque_id", |task| task.opaque_id().into())
        .column(&["xoid"], "X-Opaque-Id of the request"),
    Property::new("request_id", |task| task.request_id().into())
        .column(&["xrid"], "X-Request-Id of the request"),
    Property::new("timestamp", |task| words::time_of_day(task.started).into())
        .column(&["ts"], "start, as a time of day in UTC")
        .time_of_day(),
];

impl Property {
    const fn new(name: &'static str, value: fn(&TaskSnapshot) -> Value) -> Self {
        Property {
            name,
            value,
            structure: None,
            column: None,
            in_tasks: None,
            in_print_stack: false,
        }
    }

    /// A property that is a structure, so that it cannot be a column.
    const fn structure(name: &'static str, structure: fn(&TaskSnapshot) -> Node) -> Self {
        let is_present = |_: &TaskSnapshot| Value::Bool(true);
        Property::new(name, is_present).with_structure(structure)
    }

    const fn with_structure(self, structure: fn(&TaskSnapshot) -> Node) -> Self {
        Property {
            structure: Some(structure),
            ..self
        }
    }

    /// Shown as a column of words.
    const fn column(self, aliases: &'static [&'static str], help: &'static str) -> Self {
        let column = ColumnInfo {
            aliases,
            help,
            is_number: false,
            is_default: false,
            is_time_of_day: false,
        };
        Property {
            column: Some(column),
            ..self
        }
    }

    /// Shown as a column of numbers or durations.
    const fn number_column(self, aliases: &'static [&'static str], help: &'static str) -> Self {
        self.column(aliases, help).map_column(true, false, false)
    }

    /// Shown without `h`.
    const fn by_default(self) -> Self {
        self.map_column(false, true, false)
    }

    /// Omitted with `ts=false`.
    const fn time_of_day(self) -> Self {
        self.map_column(false, false, true)
    }

    const fn map_column(self, is_number: bool, is_default: bool, is_time_of_day: bool) -> Self {
        let column = match self.column {
            None => None,
            Some(column) => Some(ColumnInfo {
                is_number: column.is_number || is_number,
                is_default: column.is_default || is_default,
                is_time_of_day: column.is_time_of_day || is_time_of_day,
                ..column
            }),
        };
        Property { column, ..self }
    }

    const fn in_tasks(self) -> Self {
        Property {
            in_tasks: Some(Level::Always),
            ..self
        }
    }

    const fn in_detailed_tasks(self) -> Self {
        Property {
            in_tasks: Some(Level::Detailed),
            ..self
        }
    }

    const fn in_print_stack(self) -> Self {
        Property {
            in_print_stack: true,
            ..self
        }
    }

    fn is_in_tasks(&self, detail: Detail) -> bool {
        match self.in_tasks {
            Some(Level::Always) => true,
            Some(Level::Detailed) => detail.detailed,
            None => false,
        }
    }

    /// Adds the property to an object of `_tasks`. A missing value is omitted, as in Elasticsearch.
    fn add(&self, object: &mut Vec<(ObjectKey, Node)>, task: &TaskSnapshot, human: bool) {
        let name = self.name;
        match ((self.value)(task), self.structure) {
            (Value::Missing, _) => {}
            (_, Some(structure)) => object.push((name.into(), structure(task))),
            (Value::Time(time), None) => {
                if human {
                    object.push((name.into(), Node::text(units::human(time))));
                }
                let nanos = Node::Integer(units::nanos(time));
                object.push((format!("{name}_in_nanos").into(), nanos));
            }
            (Value::Moment(moment), None) => {
                if human {
                    object.push((name.into(), Node::text(words::date_and_time(moment))));
                }
                let millis = Node::Integer(words::epoch_millis(moment));
                object.push((format!("{name}_in_millis").into(), millis));
            }
            (value, None) => object.push((name.into(), value.plain_node())),
        }
    }
}

/// A task as an object of `_tasks`.
pub(super) fn in_tasks(task: &TaskSnapshot, detail: Detail) -> Vec<(ObjectKey, Node)> {
    let mut object = Vec::new();
    let shown = PROPERTIES
        .iter()
        .filter(|property| property.is_in_tasks(detail));
    for property in shown {
        property.add(&mut object, task, detail.human);
    }
    object
}

/// A task as an object of `print_stack`. A missing value is `null`.
pub(super) fn in_print_stack(task: &TaskSnapshot) -> Node {
    let shown = PROPERTIES.iter().filter(|property| property.in_print_stack);
    Node::object(shown.map(|property| {
        let node = match property.structure {
            Some(structure) => structure(task),
            None => (property.value)(task).plain_node(),
        };
        (property.name, node)
    }))
}

/// The headers by which clients identify requests, under their own names.
fn headers(task: &TaskSnapshot) -> Node {
    let headers = [
        ("X-Opaque-Id", task.opaque_id()),
        ("X-Request-Id", task.request_id()),
        ("traceparent", task.trace_parent()),
    ];
    let present = headers.into_iter();
    Node::object(present.filter_map(|(name, value)| Some((name, Node::text(value?)))))
}

/// A guard that a task holds.
fn held_guard(held: &HeldGuard) -> Node {
    let kind = guard_of((held.guard)()).map(|(kind, _)| kind.to_string());
    Node::object([
        ("resource", Node::text(resource_name(held.by.source()))),
        ("type", kind.map_or(Node::Null, Node::text)),
        ("where", Node::text(held.taken.to_string())),
        ("by", Node::text(held.taken.source())),
    ])
}

/// Frames from the outermost to the innermost, each with those inside it.
fn frames(stack: &[Frame]) -> Vec<Node> {
    let node = |Frame { point, inside, .. }: &Frame| {
        Node::object([
            ("function", Node::text(point.function())),
            ("where", Node::text(point.to_string())),
            ("awaiting", Node::text(point.source())),
            ("inside", Node::List(frames(inside))),
        ])
    };
    stack.iter().map(node).collect()
}
