//! The body of an answer that follows the events. It has no queue: it reads what is kept when its
//! connection can be written.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use hyper::body::Frame;
use tokio::sync::futures::Notified;
use tokio::time::{Instant, Sleep, sleep_until};

use super::format::{EventFormat, Writer};
use super::sse;
use crate::events::{Cursor, Follower};

/// Maximum number of bytes that are handed out at once.
const MAX_FRAME: usize = 16 << 10;

/// Time without an event after which a comment is sent.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);

/// The events from a cursor on. It never ends.
#[derive(Debug)]
pub(super) struct EventStream {
    cursor: Cursor,
    writer: Writer,
    /// What was written and not handed out yet.
    pending: Bytes,
    follower: Follower,
    /// Completes when there are events to read, `None` if there may be some now.
    published: Option<Pin<Box<Notified<'static>>>>,
    /// When the next comment is due. It is made in the runtime that serves the connection, for a
    /// format that has comments.
    heartbeat: Option<Pin<Box<Sleep>>>,
}

impl EventStream {
    pub(super) fn new(cursor: Cursor, writer: Writer) -> Self {
        EventStream {
            cursor,
            writer,
            pending: Bytes::new(),
            follower: Follower::new(),
            published: None,
            heartbeat: None,
        }
    }

    /// Reads the next events into `pending`.
    fn read(&mut self) {
        // First, so that what is published from now on is noticed.
        let published = self.follower.published();
        let text = self.writer.read(&mut self.cursor, MAX_FRAME);
        if text.is_empty() {
            self.published = Some(Box::pin(published));
        } else {
            self.pending = text.into();
            self.heartbeat = None;
        }
    }

    /// Completes when a comment is due.
    fn poll_heartbeat(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.writer.format != EventFormat::Sse {
            return Poll::Pending;
        }
        let heartbeat = self.heartbeat.get_or_insert_with(|| {
            let now = Instant::now();
            Box::pin(sleep_until(now.checked_add(HEARTBEAT_EVERY).unwrap_or(now)))
        });
        heartbeat.as_mut().poll(cx)
    }
}

impl HttpBody for EventStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        loop {
            if !self.pending.is_empty() {
                let length = self.pending.len().min(MAX_FRAME);
                let frame = self.pending.split_to(length);
                return Poll::Ready(Some(Ok(Frame::data(frame))));
            }
            if let Some(published) = &mut self.published {
                if published.as_mut().poll(cx).is_ready() {
                    self.published = None;
                } else if self.poll_heartbeat(cx).is_ready() {
                    self.heartbeat = None;
                    self.pending = Bytes::from_static(sse::HEARTBEAT.as_bytes());
                } else {
                    return Poll::Pending;
                }
            } else {
                self.read();
            }
        }
    }
}
