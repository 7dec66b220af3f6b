//! Events as text: when, what, about what, and then what is known of it.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::SystemTime;

use super::object::{self, LOST, Line, RouteIds};
use crate::admin::value::{Units, Value};
use crate::admin::words;
use crate::events::{EventType, Lost};
use crate::visible::visible;

/// The width of the longest type.
const TYPE_WIDTH: usize = 7;

/// The properties that a person does without: the path of a route names it.
const FOR_PROGRAMS: [&str; 3] = ["route_id", "gid", "seq"];

/// Writes an event on a line.
pub(super) fn write(line: Line<'_>, ids: &RouteIds, out: &mut String) {
    let event = match line {
        Line::Lost(lost) => return write_lost(lost, out),
        Line::Event(event) => event,
    };
    write_head(event.time, event.kind.word(), out);
    let mut properties = object::properties(event, ids);
    let subject = subject_of(event.kind);
    for name in subject {
        if let Some((_, value)) = properties.iter().find(|(known, _)| known == name) {
            out.push(' ');
            out.push_str(&visible(&value.clone().show(Units::default())));
        }
    }
    properties.retain(|(name, value)| {
        let is_left_out = subject.contains(name) || FOR_PROGRAMS.contains(name);
        !is_left_out && *value != Value::Bool(false)
    });
    for (name, value) in properties {
        // Writing to a string does not fail.
        let _ = write!(out, " {name}={}", quoted(&value.show(Units::default())));
    }
    out.push('\n');
}

/// The properties that name what an event is about. They are shown without their names.
fn subject_of(kind: EventType) -> &'static [&'static str] {
    match kind {
        EventType::Health => &["status", "symptom", "subject"],
        EventType::Audit => &["action", "target"],
        EventType::Capture => &["cause", "name"],
        EventType::Blocked | EventType::Resumed | EventType::Slow | EventType::Ended => {
            &["method", "path", "name"]
        }
    }
}

fn write_head(time: SystemTime, kind: &str, out: &mut String) {
    let time = words::date_and_time(time);
    let _ = write!(out, "{time} {kind:TYPE_WIDTH$}");
}

fn write_lost(lost: Lost, out: &mut String) {
    write_head(SystemTime::now(), LOST, out);
    let Lost {
        count,
        first_id,
        last_id,
    } = lost;
    let _ = writeln!(
        out,
        " {count} events are no longer kept first_id={first_id} last_id={last_id}"
    );
}

/// A value that may contain spaces, in quotes if it needs them.
fn quoted(value: &str) -> Cow<'_, str> {
    let shown = visible(value);
    let is_plain = |c: char| !c.is_whitespace() && !matches!(c, '"' | '=');
    if !shown.is_empty() && shown.chars().all(is_plain) {
        return shown;
    }
    let escaped = shown.replace('"', "\\\"");
    Cow::Owned(format!("\"{escaped}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_quoted_if_it_may_be_read_as_two() {
        let cases = [
            ("src/db.rs:20", "src/db.rs:20"),
            ("4.2s", "4.2s"),
            ("", "\"\""),
            ("pool.get() again", "\"pool.get() again\""),
            ("a=b", "\"a=b\""),
            ("say \"no\"", "\"say \\\"no\\\"\""),
            ("two\nlines", "two\\nlines"),
        ];
        for (value, shown) in cases {
            assert_eq!(quoted(value), shown);
        }
    }
}
