//! Logs a response that failed midway, at most once per second and route.

use std::fmt::{self, Write};

use crate::instrument::poll::Guard;
use crate::log;
use crate::sync::contained;
use crate::visible::is_visible;

/// Maximum length of an error's text, in bytes.
const LONGEST: usize = 256;

/// Warns that the body of the task's response is an error.
pub(super) fn report(guard: &Guard, error: &axum::Error) {
    let task = guard.task();
    let Some(route) = task.route().filter(|route| route.may_report_failure()) else {
        return;
    };
    let (id, handler) = (task.id(), route.identity.declaration().handler);
    // The error's `Display` is the host's code, and must not end the task.
    let text = contained(|| Shortened::new(error).0);
    let text = text.unwrap_or_else(|| String::from("(writing the error panicked)"));
    log::write(move || {
        tracing::warn!(
            target: "underscore",
            task = id,
            handler,
            method = %route.identity.method,
            path = route.identity.path.as_deref(),
            error = %text,
            "a response failed midway: its body was an error"
        );
    });
}

/// The beginning of a text, with invisible characters escaped.
struct Shortened(String);

impl Shortened {
    fn new(value: impl fmt::Display) -> Self {
        let mut shortened = Shortened(String::new());
        // `Err` if it is full, or if the value cannot be formatted.
        let _ = write!(shortened, "{value}");
        shortened
    }
}

impl Write for Shortened {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        for c in part.chars() {
            if self.0.len().saturating_add(c.len_utf8()) > LONGEST {
                return Err(fmt::Error);
            }
            if is_visible(c) {
                self.0.push(c);
            } else {
                self.0.extend(c.escape_default());
            }
        }
        Ok(())
    }
}
