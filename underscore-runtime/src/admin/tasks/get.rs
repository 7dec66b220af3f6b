//! `GET /_tasks[/{tasks}]`: tasks as structures, in the form of Elasticsearch.

use std::collections::{HashMap, HashSet};

use crate::admin::cancellation::Cancellation;
use crate::admin::error::Error;
use crate::admin::params;
use crate::admin::render::{Answer, Node};
use crate::admin::request::Request;
use crate::admin::select::TaskFilter;
use crate::admin::task_properties::{Detail, in_tasks};
use crate::admin::task_snapshot::{TaskSnapshot, oldest_first, snapshots_in_state};
use crate::task::TaskId;

/// The grouping of tasks.
#[derive(Clone, Copy)]
enum GroupBy {
    /// A list.
    None,
    /// Each under the task in which it was begun, if that is listed.
    Parents,
    /// Each under its route.
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

pub(in crate::admin) fn get(request: &Request) -> Result<Answer, Error> {
    let filter = TaskFilter::read(request)?;
    let group_by = GroupBy::read(request);
    let detail = Detail {
        detailed: request.flag(&params::DETAILED),
        human: request.flag(&params::HUMAN),
    };
    let mut refs = filter.tasks(request.argument().unwrap_or("_all"))?;
    oldest_first(&mut refs);
    refs.truncate(request.max_tasks.unwrap_or(usize::MAX));
    let tasks = snapshots_in_state(refs, filter.state(), request.uris.clone());
    let tasks: Vec<TaskSnapshot> = tasks.take_while(|_| !request.is_cancelled()).collect();
    let node = match group_by {
        GroupBy::None => {
            let tasks = tasks.iter().take_while(|_| !request.is_cancelled());
            let tasks = tasks.map(|task| node(task, detail));
            Node::object([("tasks", Node::List(tasks.collect()))])
        }
        GroupBy::Parents => by_parents(&tasks, detail, request.cancellation()),
        GroupBy::Routes => by_routes(&tasks, detail, request.cancellation()),
    };
    Ok(Answer::Node(node))
}

/// A task as an object of its properties.
fn node(task: &TaskSnapshot, detail: Detail) -> Node {
    Node::Object(in_tasks(task, detail))
}

fn by_parents(tasks: &[TaskSnapshot], detail: Detail, cancellation: &Cancellation) -> Node {
    let listed: HashSet<TaskId> = tasks.iter().map(TaskSnapshot::id).collect();
    let mut children: HashMap<TaskId, Vec<&TaskSnapshot>> = HashMap::new();
    let mut roots = Vec::new();
    for task in tasks {
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

/// The maximum depth of nested tasks: deeper ones would overflow the stack of the thread that
/// writes them.
const MOST_NESTED: u32 = 100;

/// A task with all tasks that were begun in it. Ends because a task is begun after its parent.
fn family(
    task: &TaskSnapshot,
    children: &mut HashMap<TaskId, Vec<&TaskSnapshot>>,
    detail: Detail,
    most: u32,
) -> Node {
    let mut object = in_tasks(task, detail);
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

/// The routes in the order of their oldest tasks. Work for no route is under `-`.
fn by_routes(tasks: &[TaskSnapshot], detail: Detail, cancellation: &Cancellation) -> Node {
    let mut routes: Vec<(String, Vec<&TaskSnapshot>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for task in tasks {
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
        let mut object = Vec::new();
        if let Some(route) = tasks.first().and_then(|task| task.route()) {
            let declaration = route.identity.declaration();
            let properties = [
                ("handler", declaration.function()),
                ("name", declaration.name),
                ("method", Some(route.identity.method.as_str())),
                ("path", route.identity.path.as_deref()),
            ];
            let known = properties.into_iter();
            object.extend(known.filter_map(|(key, text)| Some((key, Node::text(text?)))));
        }
        let tasks = tasks
            .into_iter()
            .take_while(|_| !cancellation.is_requested())
            .map(|task| (task.id().to_string(), node(task, detail)));
        object.push(("tasks", Node::object(tasks)));
        (id, Node::object(object))
    });
    Node::object([("routes", Node::object(routes))])
}
