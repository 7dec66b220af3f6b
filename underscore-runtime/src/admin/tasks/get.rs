//! `GET /_tasks[/{tasks}]`: tasks as structures, in the shape in which Elasticsearch gives its own.

use std::collections::{HashMap, HashSet};

use super::frame_nodes;
use crate::admin::cancellation::Cancellation;
use crate::admin::error::Error;
use crate::admin::params;
use crate::admin::render::{Answer, Node, ObjectKey};
use crate::admin::request::Request;
use crate::admin::select::TaskFilter;
use crate::admin::task_snapshot::{TaskSnapshot, oldest_first, snapshots_in_state};
use crate::admin::words::{self, date_and_time, epoch_millis};
use crate::task::TaskId;
use crate::units;

/// What the tasks are put under.
#[derive(Clone, Copy)]
enum GroupBy {
    /// Nothing: they are a list.
    None,
    /// The task in which each was begun, if that is among them.
    Parents,
    /// The route of each.
    Routes,
}

impl GroupBy {
    fn read(request: &Request) -> Self {
        match request.value(&params::GROUP_BY) {
            Some("parents") => GroupBy::Parents,
            Some("routes") => GroupBy::Routes,
            _ => GroupBy::None,
        }
    }
}

/// How much is said of a task.
#[derive(Clone, Copy)]
struct Detail {
    detailed: bool,
    human: bool,
}

pub(in crate::admin) fn get(request: &Request) -> Result<Answer, Error> {
    let filter = TaskFilter::read(request)?;
    let group_by = GroupBy::read(request);
    let detail = Detail {
        detailed: request.flag(&params::DETAILED),
        human: request.flag(&params::HUMAN),
    };
    let mut tasks = filter.tasks(request.argument().unwrap_or("_all"))?;
    oldest_first(&mut tasks);
    let seen = snapshots_in_state(tasks, filter.state(), request.uris.clone());
    let seen: Vec<TaskSnapshot> = seen.take_while(|_| !request.is_cancelled()).collect();
    let node = match group_by {
        GroupBy::None => {
            let seen = seen.iter().take_while(|_| !request.is_cancelled());
            let tasks = seen.map(|task| node(task, detail));
            Node::object([("tasks", Node::List(tasks.collect()))])
        }
        GroupBy::Parents => by_parents(&seen, detail, request.cancellation()),
        GroupBy::Routes => by_routes(&seen, detail, request.cancellation()),
    };
    Ok(Answer::Node(node))
}

/// A task as an object of its properties.
fn node(task: &TaskSnapshot, detail: Detail) -> Node {
    Node::Object(properties(task, detail))
}

fn properties(seen: &TaskSnapshot, detail: Detail) -> Vec<(ObjectKey, Node)> {
    let mut object = Properties(Vec::new());
    let request = seen.request();
    object.number("id", Some(seen.id().number()));
    object.text("type", Some(seen.kind_word()));
    object.text("action", Some(&action(seen)));
    object.text("name", seen.name());
    object.text(
        "route_id",
        seen.route_id.map(|id| id.to_string()).as_deref(),
    );
    object.number("parent_task_id", seen.task.parent().map(TaskId::number));
    object.text("method", request.map(|request| request.method().as_str()));
    object.text(
        "path",
        seen.route()
            .and_then(|route| route.identity.path.as_deref()),
    );
    object.text("state", Some(words::task_state(seen.state())));
    if detail.human {
        object.text("start_time", Some(&date_and_time(seen.started)));
    }
    object.number("start_time_in_millis", Some(epoch_millis(seen.started)));
    object.time("running_time", Some(seen.age), detail);
    object.text("where", seen.place().as_deref());
    object.text("awaiting", seen.awaiting());
    object.bool("cancellable", seen.is_cancellable());
    object.bool("cancelling", seen.task.found.is_interrupted());
    let headers = headers(seen);
    object.0.push(("headers".into(), Node::Object(headers)));
    if detail.detailed {
        more(&mut object, seen, detail);
    }
    object.0
}

/// What `detailed` adds.
fn more(object: &mut Properties, seen: &TaskSnapshot, detail: Detail) {
    object.text("description", Some(&description(seen)));
    object.text("coro", Some(seen.code()));
    object.text("uri", seen.uri().as_deref());
    object.text("remote", seen.remote().as_deref());
    object.text("http_version", seen.http_version().as_deref());
    object.text("trace_id", seen.trace_id().as_deref());
    object.number("bytes_sent", seen.task.bytes_sent);
    object.number("polls", Some(seen.task.polls));
    object.time("waiting_time", seen.waiting_time(), detail);
    object.time("in_poll_for", seen.in_poll_for(), detail);
    object.text("thread", seen.thread_name());
    object.text("kernel_wait", seen.kernel_wait().as_deref());
    let stack = Node::List(frame_nodes(&seen.frames));
    object.0.push(("stack".into(), stack));
    if !seen.kept.is_empty() {
        let kept = Node::List(frame_nodes(&seen.kept));
        object.0.push(("kept".into(), kept));
    }
}

/// What is known of a task, in order; what is not known is left out, as Elasticsearch does.
struct Properties(Vec<(ObjectKey, Node)>);

impl Properties {
    fn text(&mut self, key: &'static str, text: Option<&str>) {
        self.push(key, text.map(Node::text));
    }

    fn number(&mut self, key: &'static str, number: Option<u64>) {
        self.push(key, number.map(Node::Integer));
    }

    fn bool(&mut self, key: &'static str, value: bool) {
        self.push(key, Some(Node::Bool(value)));
    }

    /// A length of time in nanoseconds, and before it, if people are to read it, in words.
    fn time(&mut self, key: &'static str, time: Option<std::time::Duration>, detail: Detail) {
        if detail.human {
            self.text(key, time.map(units::human).as_deref());
        }
        let nanos = time.map(units::nanos).map(Node::Integer);
        self.0
            .extend(nanos.map(|nanos| (format!("{key}_in_nanos").into(), nanos)));
    }

    fn push(&mut self, key: &'static str, node: Option<Node>) {
        self.0.extend(node.map(|node| (key.into(), node)));
    }
}

/// What a task does, in the fewest words.
fn action(seen: &TaskSnapshot) -> String {
    match (seen.task.background(), seen.route()) {
        (Some(background), _) => background.name.to_string(),
        (None, Some(route)) => {
            let path = route.identity.path.as_deref().unwrap_or("-");
            format!("{} {path}", route.identity.method)
        }
        (None, None) => "-".to_owned(),
    }
}

fn description(seen: &TaskSnapshot) -> String {
    let of = seen.request().map(|request| {
        let uri = seen.uri().unwrap_or_else(|| "-".to_owned());
        format!("{} {uri}", request.method())
    });
    match (seen.task.background(), of) {
        (Some(background), Some(of)) => format!("{} of {of}", background.name),
        (Some(background), None) => background.name.to_string(),
        (None, of) => of.unwrap_or_default(),
    }
}

/// The client's own marks, under the names by which they came.
fn headers(seen: &TaskSnapshot) -> Vec<(ObjectKey, Node)> {
    let marks = [
        ("X-Opaque-Id", seen.opaque_id()),
        ("X-Request-Id", seen.request_id()),
        ("traceparent", seen.trace_parent()),
    ];
    let present = marks.into_iter().filter_map(|(name, value)| {
        let value = Node::text(value?);
        Some((name.into(), value))
    });
    present.collect()
}

fn by_parents(seen: &[TaskSnapshot], detail: Detail, cancellation: &Cancellation) -> Node {
    let listed: HashSet<TaskId> = seen.iter().map(TaskSnapshot::id).collect();
    let mut children: HashMap<TaskId, Vec<&TaskSnapshot>> = HashMap::new();
    let mut roots = Vec::new();
    for task in seen {
        match task.task.parent().filter(|parent| listed.contains(parent)) {
            Some(parent) => children.entry(parent).or_default().push(task),
            None => roots.push(task),
        }
    }
    let roots = roots
        .into_iter()
        .take_while(|_| !cancellation.is_requested());
    let tasks = roots.map(|task| {
        (
            task.id().to_string(),
            family(task, &mut children, detail, MOST_NESTED),
        )
    });
    Node::object([("tasks", Node::object(tasks.collect::<Vec<_>>()))])
}

/// How deep tasks are put into those in which they were begun: whoever writes them down must not come to the
/// end of its own stack.
const MOST_NESTED: u32 = 100;

/// A task with all that was begun in it. A task is begun after the one in which it was, so this ends.
fn family(
    task: &TaskSnapshot,
    children: &mut HashMap<TaskId, Vec<&TaskSnapshot>>,
    detail: Detail,
    most: u32,
) -> Node {
    let mut object = properties(task, detail);
    let begun = match most {
        0 => None,
        _ => children.remove(&task.id()),
    };
    let inside: Vec<Node> = begun
        .unwrap_or_default()
        .into_iter()
        .map(|child| family(child, children, detail, most.saturating_sub(1)))
        .collect();
    if !inside.is_empty() {
        object.push(("children".into(), Node::List(inside)));
    }
    Node::Object(object)
}

/// The routes in the order of their oldest tasks; work for no route is under `-`.
fn by_routes(seen: &[TaskSnapshot], detail: Detail, cancellation: &Cancellation) -> Node {
    let mut routes: Vec<(String, Vec<&TaskSnapshot>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for task in seen {
        let id = task
            .route_id
            .map_or_else(|| "-".to_owned(), |id| id.to_string());
        let place = *places.entry(id.clone()).or_insert(routes.len());
        match routes.get_mut(place) {
            Some((_, tasks)) => tasks.push(task),
            None => routes.push((id, vec![task])),
        }
    }
    let routes = routes.into_iter().map(|(id, tasks)| {
        let mut object = Properties(Vec::new());
        if let Some(route) = tasks.first().and_then(|task| task.route()) {
            object.text("handler", Some(route.identity.declaration.handler));
            object.text("name", route.identity.declaration.name);
            object.text("method", Some(route.identity.method.as_str()));
            object.text("path", route.identity.path.as_deref());
        }
        let tasks = tasks
            .into_iter()
            .take_while(|_| !cancellation.is_requested())
            .map(|task| (task.id().to_string(), node(task, detail)));
        object.push("tasks", Some(Node::object(tasks)));
        (id, Node::Object(object.0))
    });
    Node::object([("routes", Node::object(routes))])
}
