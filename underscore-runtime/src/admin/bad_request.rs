//! The answer to a request whose head cannot be parsed or does not arrive in time. No router sees
//! such a request, so the whole HTTP response is written here.

use std::fmt::Write;
use std::time::Duration;

use super::cancellation::Cancellation;
use super::cross_origin::RESTRICTIONS;
use super::error::Error;
use super::render::{Answer, Style};

/// The reason why the head of a request is rejected.
#[derive(Debug)]
pub(crate) struct BadRequest(Error);

impl BadRequest {
    /// The reason for a status with which hyper rejects a head, `None` for other statuses.
    pub(crate) fn with_status(status: u16) -> Option<Self> {
        let error = match status {
            400 => Error::parse("request is not HTTP/1.1 that can be read"),
            414 => Error::uri_too_long(),
            431 => Error::head_too_large(),
            _ => return None,
        };
        Some(BadRequest(error))
    }

    /// The head was not complete after `limit`.
    pub(crate) fn late(limit: Duration) -> Self {
        BadRequest(Error::late("head", limit))
    }

    /// The HTTP response, the last one on its connection.
    pub(crate) fn response(&self) -> Vec<u8> {
        let BadRequest(error) = self;
        let style = Style {
            format: None,
            pretty: false,
        };
        let (content_type, body) =
            Answer::Node(error.node()).into_body(style, &Cancellation::default());
        let mut head = format!(
            "HTTP/1.1 {}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\nconnection: close\r\n",
            error.status(),
            body.len()
        );
        for (name, value) in RESTRICTIONS {
            // Writing to a string does not fail.
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head.push_str("\r\n");
        [head.into_bytes(), body].concat()
    }
}
