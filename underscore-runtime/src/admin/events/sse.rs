//! Events as server-sent events, which browsers and many HTTP clients read.

use super::object::{LOST, Line};

/// A comment, which clients ignore: proxies close connections that are silent for too long.
pub(super) const HEARTBEAT: &str = ":\n\n";

/// Writes an event with `json` as its data, which is one line. What is lost has no id, so that a
/// client that connects again names the last event that it has received.
pub(super) fn write(line: Line<'_>, json: &str, out: &mut String) {
    let kind = match line {
        Line::Event(event) => {
            out.push_str("id: ");
            out.push_str(&event.id.to_string());
            out.push('\n');
            event.kind.word()
        }
        Line::Lost(_) => LOST,
    };
    for part in ["event: ", kind, "\ndata: ", json, "\n\n"] {
        out.push_str(part);
    }
}
