//! `GET /_tasks/{tasks}/print_stack`: where tasks wait, as a tree that one reads at a glance.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use crate::admin::cat::state_word;
use crate::admin::error::Error;
use crate::admin::exchange::Exchange;
use crate::admin::render::{Answer, Format, Node, visible};
use crate::admin::{select, units};
use crate::clock::Instant;
use crate::stack::Frame;
use crate::table::ids;
use crate::task::Task;

/// A task as it was when it was looked at.
struct Printed {
    task: Arc<Task>,
    route_id: Option<String>,
    state: &'static str,
    age: Duration,
    frames: Vec<Frame>,
}

pub(in crate::admin) fn get(exchange: &Exchange) -> Result<Answer, Error> {
    let mut tasks = select::tasks(exchange.argument().unwrap_or_default())?;
    tasks.sort_by_key(|task| (task.started, task.id));
    let (now, id_of) = (Instant::now(), ids());
    let printed = tasks.into_iter().map(|task| Printed {
        route_id: id_of(task.route).map(|id| id.to_string()),
        state: state_word(task.state()),
        age: now.since(task.started),
        frames: task.stack().frames(),
        task,
    });
    match exchange.format()?.unwrap_or(Format::Text) {
        Format::Text => Ok(Answer::Text(printed.map(|task| task.text()).collect())),
        Format::Json | Format::Yaml => {
            let tasks = printed.map(|task| (task.task.id.to_string(), task.node()));
            Ok(Answer::Node(Node::object([("tasks", Node::object(tasks))])))
        }
    }
}

impl Printed {
    /// A line for the task, and below it a line for each await, the inner ones further in.
    fn text(&self) -> String {
        let Printed { task, state, .. } = self;
        let path = task.route.path.as_deref().unwrap_or("-");
        let (method, age) = (&task.request.method, units::human(self.age));
        let mut text = format!("task {}  {method} {path}  {state} {age}\n", task.id);
        lines(&mut text, &self.frames, 1);
        if self.frames.is_empty() {
            text.push_str("  it has not waited at a known await yet\n");
        }
        text
    }

    fn node(self) -> Node {
        let text = |text: Option<&str>| text.map_or(Node::Null, |text| Node::text(visible(text)));
        Node::object([
            ("route_id", text(self.route_id.as_deref())),
            ("method", text(Some(self.task.request.method.as_str()))),
            ("path", text(self.task.route.path.as_deref())),
            ("state", text(Some(self.state))),
            ("running_time", Node::Float(units::seconds(self.age))),
            ("stack", Node::List(nodes(&self.frames))),
        ])
    }
}

fn lines(text: &mut String, frames: &[Frame], depth: usize) {
    for Frame { point, inside } in frames {
        let (function, source) = (point.function(), point.source());
        // Writing to a string does not fail.
        let _ = writeln!(text, "{:1$}{function}  {point}  {source}", "", 2 * depth);
        lines(text, inside, depth + 1);
    }
}

fn nodes(frames: &[Frame]) -> Vec<Node> {
    let node = |Frame { point, inside }: &Frame| {
        Node::object([
            ("function", Node::text(point.function())),
            ("where", Node::text(point.to_string())),
            ("awaiting", Node::text(point.source())),
            ("inside", Node::List(nodes(inside))),
        ])
    };
    frames.iter().map(node).collect()
}
