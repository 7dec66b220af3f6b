//! Writes answers in the requested format: text, JSON, YAML or CBOR.

mod json;
mod output;
mod text;
mod yaml;

use axum::body::Body;
#[cfg(feature = "live")]
use axum::http::header::LOCATION;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;

use super::cancellation::Cancellation;
pub(super) use crate::node::{Node, ObjectKey};
use output::Output;

pub(super) use text::{Align, Rows};

/// The total number of rows of a table, also if only a page is sent.
const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// The content type of plain text.
const TEXT: &str = "text/plain; charset=UTF-8";

/// A format of structured answers and tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    Json,
    Yaml,
    Cbor,
}

/// The requested form of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// The default of the endpoint if `None`.
    pub(super) format: Option<Format>,
    pub(super) pretty: bool,
}

/// The answer of an endpoint.
#[derive(Debug)]
pub(super) enum Answer {
    /// A structure: JSON by default.
    Node(Node),
    /// A table: text by default.
    Table(Table),
    /// Plain text in any format.
    Text(String),
    /// Text with the endpoint's own content type.
    Written {
        content_type: &'static str,
        text: String,
    },
    /// A document with the endpoint's own content type and headers.
    Document {
        content_type: &'static str,
        headers: &'static [(HeaderName, &'static str)],
        bytes: Vec<u8>,
    },
    /// A file that a browser saves under this name, which needs no quotes.
    File {
        content_type: &'static str,
        name: String,
        bytes: Vec<u8>,
    },
    /// The answer is at another place, relative to the request's.
    #[cfg(feature = "live")]
    Redirect { location: String },
    /// A body that is produced while the client reads it.
    Stream {
        content_type: &'static str,
        body: Body,
    },
    /// The same without an end.
    Endless {
        content_type: &'static str,
        body: Body,
    },
}

/// In the extensions of a response whose body has no end: a shutdown ends it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endless;

/// A table, as text or as rows depending on the requested format.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) content: TableContent,
    /// Number of rows before paging.
    pub(super) total: usize,
}

#[derive(Debug)]
pub(super) enum TableContent {
    Text(String),
    Rows(Node),
}

impl Format {
    const ALL: [(&'static str, &'static str, Format); 4] = [
        ("text", "text/plain", Format::Text),
        ("json", "application/json", Format::Json),
        ("yaml", "application/yaml", Format::Yaml),
        ("cbor", "application/cbor", Format::Cbor),
    ];

    /// The format with this name.
    pub(super) fn parse(word: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|(name, _, _)| *name == word)
            .map(|(.., format)| format)
    }

    pub(super) fn words() -> [&'static str; 4] {
        Self::ALL.map(|(name, ..)| name)
    }

    /// The format of a media type. `None` for a list, a wildcard or an unsupported type.
    pub(super) fn accepted(media_type: Option<&str>) -> Option<Self> {
        let essence = media_type?.split(';').next()?.trim();
        let mut all = Self::ALL.into_iter();
        all.find(|(_, name, _)| name.eq_ignore_ascii_case(essence))
            .map(|(.., format)| format)
    }
}

impl Answer {
    /// Applies `change` to a structured answer or to the rows of a table.
    pub(super) fn map(self, change: impl FnOnce(Node) -> Node) -> Self {
        match self {
            Answer::Node(node) => Answer::Node(change(node)),
            Answer::Table(Table {
                content: TableContent::Rows(rows),
                total,
            }) => Answer::Table(Table {
                content: TableContent::Rows(change(rows)),
                total,
            }),
            text => text,
        }
    }

    /// The content type and the body.
    pub(super) fn into_body(
        self,
        style: Style,
        cancellation: &Cancellation,
    ) -> (&'static str, Vec<u8>) {
        match self {
            Answer::Text(text) => (TEXT, text.into_bytes()),
            Answer::Node(node) => structured(&node, style, cancellation),
            Answer::Written { content_type, text } => (content_type, text.into_bytes()),
            Answer::Document {
                content_type,
                bytes,
                ..
            }
            | Answer::File {
                content_type,
                bytes,
                ..
            } => (content_type, bytes),
            // What has been read of it is not known: see `into_response`.
            Answer::Stream { content_type, .. } | Answer::Endless { content_type, .. } => {
                (content_type, Vec::new())
            }
            #[cfg(feature = "live")]
            Answer::Redirect { .. } => (TEXT, Vec::new()),
            Answer::Table(table) => match table.content {
                TableContent::Text(text) => (TEXT, text.into_bytes()),
                TableContent::Rows(node) => structured(&node, style, cancellation),
            },
        }
    }

    pub(super) fn into_response(
        self,
        status: StatusCode,
        style: Style,
        cancellation: &Cancellation,
    ) -> Response {
        let (total, own_headers, file) = match &self {
            Answer::Table(table) => (Some(table.total), None, None),
            Answer::Document { headers, .. } => (None, Some(*headers), None),
            Answer::File { name, .. } => (None, None, Some(attachment(name))),
            _ => (None, None, None),
        };
        #[cfg(feature = "live")]
        if let Answer::Redirect { location } = self {
            return redirect(&location);
        }
        let is_endless = matches!(self, Answer::Endless { .. });
        let (content_type, body) = match self {
            Answer::Stream { content_type, body } | Answer::Endless { content_type, body } => {
                (content_type, body)
            }
            answer => {
                let (content_type, bytes) = answer.into_body(style, cancellation);
                (content_type, Body::from(bytes))
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        if is_endless {
            response.extensions_mut().insert(Endless);
        }
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        for (name, value) in own_headers.unwrap_or_default() {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Some(disposition) = file {
            headers.insert(CONTENT_DISPOSITION, disposition);
        }
        if let Some(total) = total {
            headers.insert(TOTAL_COUNT, HeaderValue::from(total));
        }
        response
    }
}

/// Tells a browser to save the answer under `name`.
fn attachment(name: &str) -> HeaderValue {
    let named = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
    named.unwrap_or(HeaderValue::from_static("attachment"))
}

/// Sends the client to `location`, which a client may have written a part of.
#[cfg(feature = "live")]
fn redirect(location: &str) -> Response {
    let mut response = Response::default();
    if let Ok(location) = HeaderValue::from_str(location) {
        *response.status_mut() = StatusCode::SEE_OTHER;
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// Writes a structure. Stops early if the read is cancelled.
fn structured(node: &Node, style: Style, cancellation: &Cancellation) -> (&'static str, Vec<u8>) {
    let mut output = Output::new(cancellation);
    // Writing plain data to memory fails only if the read is cancelled.
    let content_type = match style.format {
        Some(Format::Yaml) => {
            let yaml = yaml::write(node, output);
            return ("application/yaml", yaml);
        }
        Some(Format::Cbor) => {
            let _ = ciborium::into_writer(node, &mut output);
            "application/cbor"
        }
        _ => {
            json::write(node, style.pretty, &mut output);
            return (
                "application/json",
                json::escape_invisible(output.into_bytes()),
            );
        }
    };
    (content_type, output.into_bytes())
}
