//! The properties of an event, with the names of the columns in which tables show the same.

use std::cell::OnceCell;
use std::time::SystemTime;

use crate::admin::render::Node;
use crate::admin::value::Value;
use crate::admin::words;
use crate::events::{Event, Field, Lost};
use crate::route::RouteId;
use crate::routes::{self, Route};

/// The word for what a reader has lost.
pub(super) const LOST: &str = "lost";

/// One line of the answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Line<'a> {
    Event(&'a Event),
    Lost(Lost),
}

/// The ids of routes, which are computed together if one is needed.
#[derive(Default)]
pub(super) struct RouteIds(OnceCell<Box<IdOf>>);

type IdOf = dyn Fn(&Route) -> Option<RouteId>;

impl RouteIds {
    fn of(&self, route: &Route) -> Option<RouteId> {
        self.0.get_or_init(|| Box::new(routes::ids()))(route)
    }
}

/// An event as an object.
pub(super) fn node(line: Line<'_>, ids: &RouteIds) -> Node {
    match line {
        Line::Lost(lost) => of_lost(lost),
        Line::Event(event) => of_event(event, ids),
    }
}

fn of_event(event: &Event, ids: &RouteIds) -> Node {
    let head = [
        ("id", Node::Integer(event.id)),
        ("timestamp", Node::text(words::date_and_time(event.time))),
        ("time", Value::Moment(event.time).plain_node()),
        ("type", Node::text(event.kind.word())),
    ];
    let fields = properties(event, ids);
    let fields = fields
        .into_iter()
        .map(|(name, value)| (name, value.plain_node()));
    let routes = route_ids(event, ids);
    let routes = routes.map(|ids| {
        (
            "route_ids",
            Node::List(ids.into_iter().map(Node::text).collect()),
        )
    });
    Node::object(head.into_iter().chain(fields).chain(routes))
}

/// What is known of an event, beside its id, its time and its type.
pub(super) fn properties(event: &Event, ids: &RouteIds) -> Vec<(&'static str, Value)> {
    let subject = &event.subject;
    let route_id = subject.route.and_then(|route| ids.of(route));
    let method = subject.method().map(ToString::to_string);
    let about = [
        ("task_id", subject.task.map(Value::Number)),
        ("route_id", route_id.map(|id| Value::text(id.to_string()))),
        ("method", method.map(Value::text)),
        ("path", subject.path().map(Value::text)),
    ];
    let about = about.into_iter();
    let about = about.filter_map(|(name, value)| Some((name, value?)));
    let fields = event.fields.iter();
    let fields = fields.map(|(name, field)| (*name, value(field)));
    about.chain(fields).collect()
}

/// The ids of the routes of a finding, `None` if it is about none.
pub(super) fn route_ids(event: &Event, ids: &RouteIds) -> Option<Vec<String>> {
    let routes = event.subject.routes.iter();
    let found = routes.filter_map(|route| Some(ids.of(route)?.to_string()));
    let found: Vec<String> = found.collect();
    (!found.is_empty()).then_some(found)
}

fn value(field: &Field) -> Value {
    match field {
        Field::Bool(value) => Value::Bool(*value),
        Field::Number(number) => Value::Number(*number),
        Field::Duration(duration) => Value::Time(*duration),
        Field::Word(word) => Value::text(*word),
        Field::Text(text) => Value::text(text.to_string()),
    }
}

/// What a reader has lost is known only now, and has no id.
fn of_lost(lost: Lost) -> Node {
    let now = SystemTime::now();
    Node::object([
        ("timestamp", Node::text(words::date_and_time(now))),
        ("time", Value::Moment(now).plain_node()),
        ("type", Node::text(LOST)),
        ("lost", Node::Integer(lost.count)),
        ("first_id", Node::Integer(lost.first_id)),
        ("last_id", Node::Integer(lost.last_id)),
    ])
}
