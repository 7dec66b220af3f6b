//! `GET /_tasks/{tasks}/print_stack`: the awaits of tasks as an indented tree.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use crate::admin::error::Error;
use crate::admin::render::{Answer, Format, Node};
use crate::admin::request::Request;
use crate::admin::select;
use crate::admin::task_properties::in_print_stack;
use crate::admin::task_snapshot::{CLIENT, TaskSnapshot, oldest_first, snapshots};
use crate::admin::words;
use crate::stack::Frame;
use crate::task::TaskId;
use crate::units;
use crate::visible::visible;

pub(in crate::admin) fn get(request: &Request) -> Result<Answer, Error> {
    let format = request.format().unwrap_or(Format::Text);
    let mut tasks = select::tasks(request.argument().unwrap_or_default())?;
    oldest_first(&mut tasks);
    tasks.truncate(request.max_tasks.unwrap_or(usize::MAX));
    let ids: HashSet<TaskId> = tasks.iter().map(|task| task.id).collect();
    let snapshots = snapshots(tasks).take_while(|_| !request.is_cancelled());
    match format {
        Format::Text => {
            let began = began(&ids);
            Ok(Answer::Text(
                snapshots.map(|task| text(&task, &began)).collect(),
            ))
        }
        Format::Json | Format::Yaml | Format::Cbor => {
            let tasks = snapshots.map(|task| (task.id().to_string(), in_print_stack(&task)));
            Ok(Answer::Node(Node::object([("tasks", Node::object(tasks))])))
        }
    }
}

/// The live tasks that were begun in `parents`, by parent.
fn began(parents: &HashSet<TaskId>) -> HashMap<TaskId, Vec<TaskSnapshot>> {
    let mut tasks = select::live_tasks();
    tasks.retain(|task| {
        let [parent, _] = task.origins();
        parent.is_some_and(|parent| parents.contains(&parent))
    });
    oldest_first(&mut tasks);
    let mut began: HashMap<TaskId, Vec<TaskSnapshot>> = HashMap::new();
    for task in snapshots(tasks) {
        if let Some(parent) = task.task.parent() {
            began.entry(parent).or_default().push(task);
        }
    }
    began
}

/// A line for the task, an indented line for each of its awaits, and a line for each task that was
/// begun in it.
fn text(task: &TaskSnapshot, began: &HashMap<TaskId, Vec<TaskSnapshot>>) -> String {
    let mut text = head(task);
    if let Some(parent) = task.task.parent() {
        // Writing to a string does not fail.
        let _ = write!(text, ", begun in task {parent}");
    }
    text.push('\n');
    lines(&mut text, &task.frames, 1);
    if task.awaits_client() {
        let _ = writeln!(text, "  waits for {CLIENT} to take more of the response");
    } else if task.frames.is_empty() {
        text.push_str("  it has not waited at a known await yet\n");
    }
    if let Some(holding) = task.holding() {
        let _ = writeln!(text, "  holds {holding}");
    }
    if let Some(taken) = words::guards(task.passed_on()) {
        let _ = writeln!(text, "  took {taken}, and passed it on");
    }
    if !task.kept.is_empty() {
        // Their last poll was in the task's last poll or before.
        let since = task.waiting_time().map(units::human);
        let since = since.map_or(String::new(), |time| format!(" for at least {time}"));
        let _ = writeln!(text, "  kept, and not polled{since}:");
        lines(&mut text, &task.kept, 2);
    }
    for child in began.get(&task.id()).into_iter().flatten() {
        let _ = writeln!(text, "  began {}", head(child));
    }
    text
}

/// The line of a task.
fn head(task: &TaskSnapshot) -> String {
    let what = if let Some(background) = task.task.background() {
        visible(&background.name).into_owned()
    } else {
        let method = task
            .request()
            .map_or("-", |request| request.method().as_str());
        let path = task
            .route()
            .and_then(|route| route.identity.path.as_deref());
        format!("{method} {}", path.unwrap_or("-"))
    };
    let (id, state, age) = (
        task.id(),
        words::task_state(task.state()),
        units::human(task.age),
    );
    let mut head = format!("task {id}  {what}  {state} {age}");
    if task.blocks {
        let inside = units::human(task.in_poll_for().unwrap_or_default());
        let thread = visible(task.thread_name().unwrap_or("a thread without a name"));
        let _ = write!(head, ", inside one poll for {inside} on {thread}");
        if let Some(kernel) = task.kernel_wait() {
            let _ = write!(head, " ({kernel})");
        }
    }
    head
}

fn lines(text: &mut String, frames: &[Frame], depth: usize) {
    for Frame { point, inside, .. } in frames {
        let (function, source) = (point.function(), point.source());
        let _ = writeln!(
            text,
            "{:1$}{function}  {point}  {source}",
            "",
            depth.saturating_mul(2)
        );
        lines(text, inside, depth.saturating_add(1));
    }
}
