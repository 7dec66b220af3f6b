//! The formats of events, and what is written for each of them.

use super::object::{self, Line, RouteIds};
use super::{sse, text};
use crate::admin::cancellation::Cancellation;
use crate::admin::error::Error;
use crate::admin::filter_path::FilterPath;
use crate::admin::params;
use crate::admin::render::{Answer, Format, Style};
use crate::admin::request::Request;
use crate::admin::words::NDJSON;
use crate::events::Cursor;

/// The media type of server-sent events.
const EVENT_STREAM: &str = "text/event-stream";

/// A format of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventFormat {
    /// A JSON object on each line.
    Json,
    /// A line for a person.
    Text,
    /// Server-sent events.
    Sse,
}

/// Writes events in a format.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) format: EventFormat,
    /// Applied to each event. The dispatcher applies it to other answers.
    filter: Option<FilterPath>,
}

impl EventFormat {
    const ALL: [(&'static str, EventFormat); 3] = [
        ("json", EventFormat::Json),
        ("text", EventFormat::Text),
        ("sse", EventFormat::Sse),
    ];

    /// The requested format. As everywhere, the parameter overrides the header.
    fn read(request: &Request) -> Result<Self, Error> {
        let Some(word) = request.value(&params::FORMAT) else {
            return Ok(Self::accepted(request));
        };
        let format = Self::ALL.into_iter().find(|(known, _)| *known == word);
        let format = format.map(|(_, format)| format);
        format.ok_or_else(|| {
            let words = Self::ALL.map(|(word, _)| word);
            Error::unknown_value(params::FORMAT.name, word, &words)
        })
    }

    fn accepted(request: &Request) -> Self {
        if request.accepts(EVENT_STREAM) {
            return EventFormat::Sse;
        }
        // A browser lists text among other types.
        match Format::accepted(request.single_media_type()) {
            Some(Format::Text) => EventFormat::Text,
            _ => EventFormat::Json,
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            EventFormat::Json => NDJSON,
            EventFormat::Text => "text/plain; charset=UTF-8",
            EventFormat::Sse => EVENT_STREAM,
        }
    }
}

impl Writer {
    pub(super) fn new(request: &Request) -> Result<Self, Error> {
        Ok(Writer {
            format: EventFormat::read(request)?,
            filter: request.filter_path(),
        })
    }

    /// Writes the next events of `cursor`, about `most` bytes. Empty if all were read.
    pub(super) fn read(&self, cursor: &mut Cursor, most: usize) -> String {
        let (mut text, ids) = (String::new(), RouteIds::default());
        while text.len() < most {
            let batch = cursor.read();
            if batch.is_empty() {
                break;
            }
            if let Some(lost) = batch.lost {
                self.write(Line::Lost(lost), &ids, &mut text);
            }
            for event in &batch.events {
                self.write(Line::Event(event), &ids, &mut text);
            }
        }
        text
    }

    fn write(&self, line: Line<'_>, ids: &RouteIds, out: &mut String) {
        match self.format {
            EventFormat::Text => text::write(line, ids, out),
            EventFormat::Json => {
                out.push_str(&self.json(line, ids));
                out.push('\n');
            }
            EventFormat::Sse => sse::write(line, &self.json(line, ids), out),
        }
    }

    /// The event as JSON on one line.
    fn json(&self, line: Line<'_>, ids: &RouteIds) -> String {
        let cancellation = Cancellation::default();
        let node = object::node(line, ids);
        let node = match &self.filter {
            Some(filter) => filter.apply(node, &cancellation),
            None => node,
        };
        let style = Style {
            format: Some(Format::Json),
            pretty: false,
        };
        let (_, json) = Answer::Node(node).into_body(style, &cancellation);
        // Always UTF-8.
        String::from_utf8(json).unwrap_or_default()
    }
}
