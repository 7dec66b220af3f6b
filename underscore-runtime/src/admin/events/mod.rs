//! `GET /_events`: what has happened, and with `follow` what happens from now on.

mod format;
mod object;
mod sse;
mod stream;
mod text;

use axum::body::Body;

use super::error::Error;
use super::params::{self, EVENTS};
use super::render::Answer;
use super::request::Request;
use super::words::comma_list;
use crate::events::{Cursor, EventType, Types};
use format::Writer;
use stream::EventStream;

/// Number of bytes between two checks of whether the client is still there.
const READ_AT_ONCE: usize = 64 << 10;

/// `GET /_events`.
pub(super) fn get(request: &Request) -> Result<Answer, Error> {
    request.no_body(EVENTS)?;
    let writer = Writer::new(request)?;
    let types = read_types(request)?;
    let since = || request.value(&params::SINCE)?.parse().ok();
    // First, because a client that connects again has the same URL as before.
    let since = request.last_event_id.or_else(since);
    let mut cursor = Cursor::new(types, since, request.count(&params::EVENT_COUNT));
    let content_type = writer.format.content_type();
    if request.flag(&params::FOLLOW) {
        let body = Body::new(EventStream::new(cursor, writer));
        return Ok(Answer::Endless { content_type, body });
    }
    cursor.end_here();
    let mut text = String::new();
    loop {
        let next = writer.read(&mut cursor, READ_AT_ONCE);
        if next.is_empty() || request.is_cancelled() {
            return Ok(Answer::Written { content_type, text });
        }
        text.push_str(&next);
    }
}

/// The types of events that the client wants.
fn read_types(request: &Request) -> Result<Types, Error> {
    let Some(list) = request.value(&params::EVENT_TYPE) else {
        return Ok(Types::ALL);
    };
    let parse = |word: &str| {
        let kind = EventType::ALL.into_iter().find(|kind| kind.word() == word);
        kind.ok_or_else(|| {
            let words = EventType::ALL.map(EventType::word);
            Error::unknown_value(params::EVENT_TYPE.name, word, &words)
        })
    };
    let types: Vec<EventType> = comma_list(list).map(parse).collect::<Result<_, _>>()?;
    // As an empty list of columns is that of the default ones.
    Ok(if types.is_empty() {
        Types::ALL
    } else {
        Types::new(&types)
    })
}
