//! An event: when something happened, to which task and route, and what is known of it.

use std::time::{Duration, SystemTime};

use axum::http::Method;

use crate::routes::Route;
use crate::truncate;

/// Maximum length of each text, in bytes: some contain input of clients and of operators.
const MAX_TEXT_LEN: usize = 1 << 10;

/// Maximum number of routes of a finding.
const MAX_ROUTES: usize = 10;

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventType {
    /// A worker thread is blocked inside one poll.
    Blocked,
    /// It has returned from that poll.
    Resumed,
    /// A request in flight has taken a multiple of `slow_after`.
    Slow,
    /// A request was slow, or ended badly.
    Ended,
    /// An operator has called, or the service has changed settings by itself.
    Audit,
    /// The health of the service has changed.
    Health,
    /// A bundle was written, or could not be.
    Capture,
}

impl EventType {
    /// All types.
    pub(crate) const ALL: [EventType; 7] = [
        EventType::Blocked,
        EventType::Resumed,
        EventType::Slow,
        EventType::Ended,
        EventType::Audit,
        EventType::Health,
        EventType::Capture,
    ];

    /// The word on the wire.
    pub(crate) fn word(self) -> &'static str {
        match self {
            EventType::Blocked => "blocked",
            EventType::Resumed => "resumed",
            EventType::Slow => "slow",
            EventType::Ended => "ended",
            EventType::Audit => "audit",
            EventType::Health => "health",
            EventType::Capture => "capture",
        }
    }
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Bool(bool),
    Number(u64),
    Duration(Duration),
    Word(&'static str),
    /// At most 1 KiB, and an ellipsis if it was longer.
    Text(Box<str>),
}

/// What an event is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subject {
    pub(crate) task: Option<u64>,
    pub(crate) route: Option<&'static Route>,
    /// The method if it differs from the route's.
    method: Option<Method>,
    /// The routes of a finding.
    pub(crate) routes: Box<[&'static Route]>,
}

impl Subject {
    /// The method of the request, or of the route.
    pub(crate) fn method(&self) -> Option<&Method> {
        let of_route = self.route.map(|route| &route.identity.method);
        self.method.as_ref().or(of_route)
    }

    /// The path of the route.
    pub(crate) fn path(&self) -> Option<&'static str> {
        self.route?.identity.path.as_deref()
    }
}

/// Something that has happened.
#[derive(Debug)]
pub(crate) struct Event {
    /// From 1 on, consecutive over all types.
    pub(crate) id: u64,
    /// Wall-clock time. Not monotonic, unlike `id`.
    pub(crate) time: SystemTime,
    pub(crate) kind: EventType,
    pub(crate) subject: Subject,
    pub(crate) fields: Box<[(&'static str, Field)]>,
}

/// An event that is not published yet.
#[derive(Debug)]
pub(crate) struct NewEvent {
    pub(super) kind: EventType,
    /// True for a call that made no change.
    pub(super) is_refused: bool,
    subject: Subject,
    fields: Vec<(&'static str, Field)>,
}

impl NewEvent {
    pub(crate) fn new(kind: EventType) -> Self {
        NewEvent {
            kind,
            is_refused: false,
            subject: Subject::default(),
            fields: Vec::new(),
        }
    }

    /// The call was refused, so it must not displace one that was not.
    pub(crate) fn refused(self, is_refused: bool) -> Self {
        NewEvent { is_refused, ..self }
    }

    pub(crate) fn with_task(mut self, task: u64) -> Self {
        self.subject.task = Some(task);
        self
    }

    pub(crate) fn with_route(mut self, route: Option<&'static Route>) -> Self {
        self.subject.route = route;
        self
    }

    pub(crate) fn with_method(mut self, method: &Method) -> Self {
        self.subject.method = Some(method.clone()).filter(|it| Some(it) != self.subject.method());
        self
    }

    pub(crate) fn with_routes(mut self, routes: &[&'static Route]) -> Self {
        self.subject.routes = routes.iter().take(MAX_ROUTES).copied().collect();
        self
    }

    pub(crate) fn text(self, name: &'static str, text: Option<impl AsRef<str>>) -> Self {
        let text = text.map(|text| truncate::to_bytes(text.as_ref(), MAX_TEXT_LEN).into());
        self.field(name, text.map(Field::Text))
    }

    pub(crate) fn word(self, name: &'static str, word: &'static str) -> Self {
        self.field(name, Some(Field::Word(word)))
    }

    pub(crate) fn number(self, name: &'static str, number: Option<impl Into<u64>>) -> Self {
        self.field(name, number.map(|number| Field::Number(number.into())))
    }

    pub(crate) fn count(self, name: &'static str, count: usize) -> Self {
        self.number(name, u64::try_from(count).ok())
    }

    pub(crate) fn flag(self, name: &'static str, flag: bool) -> Self {
        self.field(name, Some(Field::Bool(flag)))
    }

    pub(crate) fn duration(self, name: &'static str, duration: Option<Duration>) -> Self {
        self.field(name, duration.map(Field::Duration))
    }

    /// A field without a value is left out.
    fn field(mut self, name: &'static str, field: Option<Field>) -> Self {
        self.fields.extend(field.map(|field| (name, field)));
        self
    }

    pub(super) fn into_event(self, id: u64, time: SystemTime) -> Event {
        Event {
            id,
            time,
            kind: self.kind,
            subject: self.subject,
            fields: self.fields.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds 16.4 of docs/admin-api.md.
    #[test]
    fn each_text_has_a_bounded_length() {
        let long = "é".repeat(10_000);
        let event = NewEvent::new(EventType::Audit).text("reason", Some(&long));
        let Some((_, Field::Text(text))) = event.fields.first() else {
            panic!("{event:?}");
        };
        assert_eq!(text.len(), MAX_TEXT_LEN + "…".len());
        // A text that was cut already is not cut again.
        let again = NewEvent::new(EventType::Audit).text("reason", Some(text));
        assert_eq!(again.fields, event.fields);
    }
}
