//! `GET /_ended[/{tasks}]`: requests that have ended remarkably, each with its timeline.

use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;

use super::cat::ended::COLUMNS;
use super::cat::object;
use super::ended_snapshot::{EndedSnapshot, snapshots};
use super::error::Error;
use super::render::{Align, Answer, Format, Node, ObjectKey, Rows};
use super::request::Request;
use super::value::Value;
use super::words::{self, comma_list};
use crate::ended::{Stay, Timeline};
use crate::stack::on_one_line;
use crate::task::MetaField;
use crate::units;
use crate::visible::{echo, visible};

pub(super) fn get(request: &Request) -> Result<Answer, Error> {
    let all = snapshots(request, None)?;
    let chosen = match request.argument() {
        None => all,
        Some(ids) => choose(ids, all)?,
    };
    let chosen = chosen.iter().take_while(|_| !request.is_cancelled());
    if request.format() == Some(Format::Text) {
        let texts: Vec<String> = chosen.map(text).collect();
        return Ok(Answer::Text(texts.join("\n")));
    }
    let ended = chosen.map(node).collect();
    Ok(Answer::Node(Node::object([("ended", Node::List(ended))])))
}

/// The records with these ids, in the order of the list.
fn choose(ids: &str, all: Vec<EndedSnapshot>) -> Result<Vec<EndedSnapshot>, Error> {
    if comma_list(ids).any(|word| word == "_all") {
        return Ok(all);
    }
    let mut by_id: HashMap<String, EndedSnapshot> = all
        .into_iter()
        .map(|ended| (ended.record.id.to_string(), ended))
        .collect();
    let mut chosen: Vec<EndedSnapshot> = Vec::new();
    for id in comma_list(ids) {
        if !id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Error::illegal_argument(format!(
                "id [{}] must be a decimal number or _all",
                echo(id)
            )));
        }
        let is_same = |ended: &EndedSnapshot| ended.record.id.to_string() == id;
        match by_id.remove(id) {
            Some(ended) => chosen.push(ended),
            None if chosen.iter().any(is_same) => {}
            None => {
                return Err(Error::not_found(format!(
                    "no record of a request [{}] that has ended: it is in flight (GET /_tasks/{id}), has ended \
                     without being slow or bad, was displaced by later ones, or never existed",
                    echo(id)
                )));
            }
        }
    }
    Ok(chosen)
}

/// The columns of `_cat/ended`, and the timeline.
fn node(ended: &EndedSnapshot) -> Node {
    let mut node = object(ended, &COLUMNS, |_| true);
    if let Node::Object(properties) = &mut node {
        // As in `_tasks`, a value that is not known is left out.
        properties.retain(|(_, value)| !matches!(value, Node::Null));
        if let Some(timeline) = ended.record.timeline() {
            properties.push(("timeline".into(), timeline_node(timeline)));
        }
    }
    node
}

fn timeline_node(timeline: &Timeline) -> Node {
    let (times, total) = timeline.others;
    let mut properties: Vec<(ObjectKey, Node)> = vec![
        ("looks".into(), Node::Integer(timeline.looks)),
        ("unseen".into(), Value::Time(timeline.unseen).plain_node()),
        (
            "awaits".into(),
            Node::List(timeline.stays.iter().map(stay_node).collect()),
        ),
    ];
    if times > 0 {
        let others = [
            ("times", Node::Integer(times)),
            ("total", Value::Time(total).plain_node()),
        ];
        properties.push(("others".into(), Node::object(others)));
    }
    Node::Object(properties)
}

fn stay_node(stay: &Stay) -> Node {
    let point = stay.path.points().last();
    let around = stay.path.points().iter().map(|point| {
        Node::object([
            ("function", Node::text(point.function())),
            ("where", Node::text(point.to_string())),
            ("awaiting", Node::text(point.source())),
        ])
    });
    let known = point.map(|point| {
        [
            ("where", Node::text(point.to_string())),
            ("awaiting", Node::text(point.source())),
        ]
    });
    let numbers = [
        ("state", Node::text(words::phase(stay.phase))),
        ("times", Node::Integer(stay.times)),
        ("total", Value::Time(stay.total).plain_node()),
        ("longest", Value::Time(stay.longest).plain_node()),
        ("stack", Node::List(around.collect())),
    ];
    Node::object(known.into_iter().flatten().chain(numbers))
}

/// A line for the request, a line for what its client sent, a line for each await with the time
/// there, and where it stood at its end.
fn text(ended: &EndedSnapshot) -> String {
    let record = &ended.record;
    let mut text = format!(
        "task {}  {} {}  {}",
        record.id,
        record.request.method(),
        ended.path().unwrap_or("-"),
        ended.end(),
    );
    // Writing to a string does not fail.
    if let Some(status) = record.status {
        let _ = write!(text, " {}", status.as_u16());
    }
    let (took, at) = (
        units::human(record.took()),
        words::date_and_time(ended.ended),
    );
    let _ = writeln!(text, " after {took}, at {at}");
    let known = [
        ("uri", ended.uri()),
        ("remote", record.request.remote.map(|it| it.to_string())),
        ("request_id", ended.field(MetaField::RequestId)),
        ("trace_id", ended.trace_id()),
        ("x_opaque_id", ended.field(MetaField::OpaqueId)),
    ];
    let known: Vec<String> = known
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}: {}", visible(&value?))))
        .collect();
    if !known.is_empty() {
        let _ = writeln!(text, "  {}", known.join(", "));
    }
    if let Some(panic) = &record.panic {
        let (message, place) = (visible(&panic.message), visible(&panic.place));
        let _ = writeln!(text, "  panicked at {place}: {message}");
    }
    if let Some(reason) = &record.reason {
        let by = record.interrupted_by.as_deref().map(visible);
        let by = by.map_or(String::new(), |by| format!(", by {by}"));
        let _ = writeln!(text, "  reason: {}{by}", visible(reason));
    }
    match record.timeline() {
        None => text.push_str("  it was not looked at while it was in flight\n"),
        Some(timeline) => write_timeline(&mut text, timeline, record.took()),
    }
    let frames = record.frames();
    if !frames.is_empty() {
        let _ = writeln!(text, "  last await: {}", on_one_line(&frames));
    }
    text
}

fn write_timeline(text: &mut String, timeline: &Timeline, took: Duration) {
    let number = Align::Right;
    let mut rows = Rows::new([
        number,
        number,
        number,
        Align::Left,
        Align::Left,
        Align::Left,
    ]);
    rows.push(["total", "times", "longest", "state", "where", "awaiting"].iter());
    for stay in &timeline.stays {
        let point = stay.path.points().last();
        let row = [
            units::human(stay.total),
            stay.times.to_string(),
            units::human(stay.longest),
            words::phase(stay.phase).to_owned(),
            point.map_or_else(|| "-".to_owned(), ToString::to_string),
            point.map_or("-", |point| point.source()).to_owned(),
        ];
        rows.push(row.iter());
    }
    for line in rows.into_text(|| true).lines() {
        let _ = writeln!(text, "  {line}");
    }
    let (times, total) = timeline.others;
    if times > 0 {
        let _ = writeln!(text, "  {} at further awaits", units::human(total));
    }
    let _ = write!(text, "  {} looks", timeline.looks);
    if !timeline.unseen.is_zero() {
        let unseen = units::human(timeline.unseen);
        let _ = write!(text, "; {unseen} between them is not known");
    }
    let sum: Duration = timeline.stays.iter().map(|stay| stay.total).sum();
    if sum > took.saturating_sub(timeline.unseen) {
        text.push_str("; it waited at several awaits at once, which add up to more than the whole");
    }
    text.push('\n');
}
