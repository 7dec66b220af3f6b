//! Tracks the response's body if its length is unknown or more than the connection buffers: the
//! task lives until the last byte, an error, an interrupt, or until the connection drops the body.
//!
//! A connection accepts a frame of any length at once, and drops the body after the last one. Long
//! data is therefore split, so that the body lives until the client has read nearly all of it.
//!
//! If the client does not read, the connection does not poll the body, so an interrupt cannot wait
//! for the next poll. A separate tokio task drops the body at once, with all that it owns, and the
//! client finds its response aborted when it reads on.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use tokio::runtime::Handle;
use tokio::sync::Mutex as AsyncMutex;

use super::failure;
use crate::instrument::poll::{Guard, PollScope};
use crate::stats::Outcome;
use crate::sync::{Mutex, contained};
use crate::task::TaskState;

/// The default size of hyper's buffer for a connection, which accepts this much before it sends
/// any.
const CONNECTION_BUFFER: u64 = 8192 + 4096 * 100;

/// Maximum length of a frame, in bytes.
const MAX_FRAME: usize = 64 << 10;

/// Ends the task of a handler that has responded, or continues it in the response's body.
#[inline]
pub(crate) fn track_body(guard: Guard, response: &mut Response, length: Option<u64>) {
    // A body that fits the connection's buffer ends at once, and its end could not be observed.
    let is_short = length.is_some_and(|length| length <= CONNECTION_BUFFER);
    if is_short || !has_content(&guard, response.status()) {
        guard.complete(response.status());
    } else {
        stream(guard, response);
    }
}

/// False for responses to HEAD and for some statuses, whose body is dropped unread.
fn has_content(guard: &Guard, status: StatusCode) -> bool {
    let head_only = guard
        .task()
        .method()
        .is_some_and(|method| method == Method::HEAD);
    !head_only
        && !status.is_informational()
        && !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

#[cold]
fn stream(guard: Guard, response: &mut Response) {
    guard.begin_streaming(response.status());
    let body = std::mem::take(response.body_mut());
    let announced = announced(response.headers());
    let task = guard.task();
    let shared: SharedBody = Arc::new(AsyncMutex::new(Some(TrackedBody {
        body,
        rest: Bytes::new(),
        guard,
    })));
    let waker = Arc::new(InterruptWaker {
        shared: Arc::clone(&shared),
        runtime: Handle::try_current().ok(),
        connection: Mutex::new(None),
    });
    if task.register_waker(&Waker::from(Arc::clone(&waker))) {
        Arc::clone(&waker).wake();
    }
    *response.body_mut() = Body::new(StreamedBody {
        shared,
        waker,
        announced,
        is_over: false,
    });
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The body and its task while both live, shared by the connection, which polls them, and an
/// interrupt, which takes them.
type SharedBody = Arc<AsyncMutex<Option<TrackedBody>>>;

struct TrackedBody {
    body: Body,
    /// Data from the body that the connection has not received yet.
    rest: Bytes,
    guard: Guard,
}

struct StreamedBody {
    shared: SharedBody,
    waker: Arc<InterruptWaker>,
    /// `Content-Length`. The connection does not poll again after that many bytes.
    announced: Option<u64>,
    /// True once the body has ended, for any reason.
    is_over: bool,
}

/// The waker that is registered with the task; it carries out interrupts.
struct InterruptWaker {
    shared: SharedBody,
    runtime: Option<Handle>,
    /// The connection, woken after the interrupt.
    connection: Mutex<Option<Waker>>,
}

impl Wake for InterruptWaker {
    fn wake(self: Arc<Self>) {
        match self.runtime.clone() {
            Some(runtime) => drop(runtime.spawn(self.carry_out())),
            // The next poll carries it out.
            None => drop(self.take_connection()),
        }
    }
}

impl InterruptWaker {
    async fn carry_out(self: Arc<Self>) {
        let ended = self.shared.lock().await.take();
        // Dropped last, also if the drop of the body panics.
        let _connection = self.take_connection();
        if let Some(tracked) = ended {
            tracked.interrupt();
        }
    }

    fn take_connection(&self) -> WakeOnDrop {
        WakeOnDrop(self.connection.lock().take())
    }
}

/// Wakes the connection when it is dropped.
struct WakeOnDrop(Option<Waker>);

impl Drop for WakeOnDrop {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            contained(|| connection.wake());
        }
    }
}

impl Drop for InterruptWaker {
    /// Contained, because the executor's waker may panic in its drop during another panic.
    fn drop(&mut self) {
        if let Some(connection) = self.connection.lock().take() {
            contained(|| drop(connection));
        }
    }
}

impl StreamedBody {
    /// Stores the connection's waker for a later interrupt.
    fn store_waker(&self, waker: &Waker) {
        let known = self
            .waker
            .connection
            .lock()
            .as_ref()
            .map(|known| known.will_wake(waker));
        if known != Some(true) {
            // Cloning and dropping a waker runs the executor's code: not under our lock.
            let new = waker.clone();
            let old = self.waker.connection.lock().replace(new);
            drop(old);
        }
    }

    /// The next frame, `None` if the body has been interrupted.
    fn next(&mut self, cx: &mut Context<'_>) -> Option<PolledFrame> {
        // Only contended by an interrupt, which takes the content.
        let mut shared = self.shared.try_lock().ok()?;
        let tracked = shared.as_mut()?;
        let task = tracked.guard.task();
        if task.is_signalled() && task.take_signal() {
            // The woken `InterruptWaker` may have no runtime to carry it out in.
            shared.take()?.interrupt();
            return None;
        }
        let polled = tracked.poll(cx);
        let outcome = match &polled {
            Poll::Pending => None,
            Poll::Ready(Some(Ok(frame))) => {
                // The connection checks the same, and does not poll for a `None`.
                let announced = self.announced;
                let is_at_end = || tracked.guard.run(|| tracked.is_at_end(announced));
                let is_last = frame.is_trailers() || is_at_end();
                is_last.then_some(Outcome::Completed)
            }
            Poll::Ready(None) => Some(Outcome::Completed),
            Poll::Ready(Some(Err(error))) => {
                failure::report(&tracked.guard, error);
                Some(Outcome::Failed)
            }
        };
        if outcome.is_some()
            && let Some(tracked) = shared.take()
        {
            self.is_over = true;
            tracked.end(outcome);
        }
        Some(polled)
    }

    /// Reads a property of the body, `None` if it has been dropped. Runs the host's code, which may
    /// panic.
    fn property<T>(&self, what: impl FnOnce(&TrackedBody) -> T) -> Option<T> {
        let shared = self.shared.try_lock().ok()?;
        let tracked = shared.as_ref()?;
        Some(tracked.guard.run(|| what(tracked)))
    }
}

type PolledFrame = Poll<Option<Result<Frame<Bytes>, axum::Error>>>;

impl TrackedBody {
    /// The rest of the last frame, otherwise the body's next frame.
    fn poll(&mut self, cx: &mut Context<'_>) -> PolledFrame {
        let task = self.guard.task();
        let polled = if self.rest.is_empty() {
            let scope = PollScope::enter(task);
            let polled = Pin::new(&mut self.body).poll_frame(cx);
            scope.commit();
            scope.exit();
            polled
        } else {
            Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.rest)))))
        };
        task.set_awaits_client(polled.is_ready());
        polled.map_ok(|frame| match frame.into_data() {
            Ok(mut piece) => {
                if piece.len() > MAX_FRAME {
                    self.rest = piece.split_off(MAX_FRAME);
                }
                task.add_bytes_sent(piece.len());
                Frame::data(piece)
            }
            Err(other) => other,
        })
    }

    /// True if the connection has received all of it. It does not poll beyond the `announced`
    /// length.
    fn is_at_end(&self, announced: Option<u64>) -> bool {
        let sent = || self.guard.task().bytes_sent();
        self.rest.is_empty()
            && (self.body.is_end_stream() || announced.is_some_and(|all| sent() >= Some(all)))
    }

    /// The remaining length.
    fn size_hint(&self) -> SizeHint {
        let rest = u64::try_from(self.rest.len()).unwrap_or(u64::MAX);
        let of_body = self.body.size_hint();
        let mut hint = SizeHint::new();
        if let Some(upper) = of_body.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(of_body.lower().saturating_add(rest));
        hint
    }

    /// Ends the task with the outcome of its interrupt.
    fn interrupt(self) {
        let outcome = self.guard.interrupt_outcome();
        self.end(Some(outcome));
    }

    /// Drops the body as part of its task, and ends the task.
    fn end(self, outcome: Option<Outcome>) {
        let TrackedBody { body, guard, .. } = self;
        let scope = PollScope::enter(guard.task());
        drop(body);
        scope.discard();
        match outcome {
            Some(outcome) => guard.end(outcome),
            // The guard derives the outcome.
            None => drop(guard),
        }
    }
}

impl HttpBody for StreamedBody {
    type Data = Bytes;
    /// Not `axum::Error`, in which `Body::new` wraps it.
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        self.store_waker(cx.waker());
        if let Some(polled) = self.next(cx) {
            return polled.map_err(axum::Error::into_inner);
        }
        self.is_over = true;
        Poll::Ready(Some(Err(Box::new(Aborted))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over
            || self
                .property(|tracked| tracked.is_at_end(None))
                .unwrap_or(false)
    }

    fn size_hint(&self) -> SizeHint {
        self.property(TrackedBody::size_hint).unwrap_or_default()
    }
}

impl Drop for StreamedBody {
    /// Ends a task whose connection drops the body early, because the client disconnected.
    /// Otherwise the `InterruptWaker` would keep it alive.
    fn drop(&mut self) {
        let shared = self
            .shared
            .try_lock()
            .ok()
            .and_then(|mut shared| shared.take());
        if let Some(tracked) = shared {
            // `is_end_stream` is not called after a panic. Its own panic is contained, because this
            // may run during unwinding, and hyper does not call it here.
            let task = tracked.guard.task();
            let panicked = task.state() == TaskState::Running || task.outcome().is_some();
            let is_at_end = || tracked.guard.run(|| tracked.is_at_end(None));
            let is_over = !panicked && contained(is_at_end).unwrap_or(false);
            tracked.end(is_over.then_some(Outcome::Completed));
        }
    }
}

/// The error of an interrupted body, passed to the connection.
#[derive(Debug)]
struct Aborted;

impl fmt::Display for Aborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the response was interrupted or timed out")
    }
}

impl Error for Aborted {}
