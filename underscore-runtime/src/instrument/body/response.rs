//! The response's body on its way to the client, where its length is not known in advance, or is more than
//! the connection takes at once: the task lives until the last byte, an error, an interrupt, or until the
//! connection lets go of it.
//!
//! A connection takes what it is given at once, however long that is, and drops the body when it has the last
//! of it. So long data is handed over in pieces: the body is there until the client has taken nearly all.
//!
//! A client that does not read keeps its connection from asking for more, so an interrupt cannot wait for
//! the next poll. It is carried out by a tokio task of its own: the body is dropped at once, with all that
//! it holds, and the client finds its response broken off when it reads on.

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

use crate::instrument::poll::{Guard, PollScope};
use crate::stats::Outcome;
use crate::sync::{Mutex, contained};
use crate::task::TaskState;

/// What hyper takes of a body before it has sent any of it: its default for a connection's buffer.
const TAKEN_AT_ONCE: u64 = 8192 + 4096 * 100;

/// The most that is handed over at a time.
const PIECE: usize = 64 << 10;

/// Ends the task of a handler that has answered, or lets it live on in the body of its answer.
#[inline]
pub(crate) fn track_body(guard: Guard, response: &mut Response, length: Option<u64>) {
    // What fits the connection's buffer is gone at once, and there would be nothing to see of its end.
    let is_short = length.is_some_and(|length| length <= TAKEN_AT_ONCE);
    if is_short || !has_content(&guard, response.status()) {
        guard.complete(response.status());
    } else {
        stream(guard, response);
    }
}

/// Answers to HEAD, and some statuses, have a head only; the body is dropped unread.
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
    let live: Live = Arc::new(AsyncMutex::new(Some(Underway {
        body,
        rest: Bytes::new(),
        guard,
    })));
    let hang_up = Arc::new(HangUp {
        live: Arc::clone(&live),
        runtime: Handle::try_current().ok(),
        connection: Mutex::new(None),
    });
    if task.register_waker(&Waker::from(Arc::clone(&hang_up))) {
        Arc::clone(&hang_up).wake();
    }
    *response.body_mut() = Body::new(Streaming {
        live,
        hang_up,
        announced,
        is_over: false,
    });
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The body and its task while both live: in the hands of the connection that asks for more, or of the
/// interrupt that ends them.
type Live = Arc<AsyncMutex<Option<Underway>>>;

struct Underway {
    body: Body,
    /// What the body gave, and the connection has not got yet.
    rest: Bytes,
    guard: Guard,
}

struct Streaming {
    live: Live,
    hang_up: Arc<HangUp>,
    /// The length that the head says. Whoever sends the body does not ask for more behind it.
    announced: Option<u64>,
    /// It came to its end, of one kind or another.
    is_over: bool,
}

/// Carries an interrupt out: the waker that is registered with the task.
struct HangUp {
    live: Live,
    runtime: Option<Handle>,
    /// The connection, to be told that there is no more to wait for.
    connection: Mutex<Option<Waker>>,
}

impl Wake for HangUp {
    fn wake(self: Arc<Self>) {
        match self.runtime.clone() {
            Some(runtime) => drop(runtime.spawn(self.carry_out())),
            // Then the next poll carries it out.
            None => drop(self.told()),
        }
    }
}

impl HangUp {
    async fn carry_out(self: Arc<Self>) {
        let ended = self.live.lock().await.take();
        // Dropped last, and in any case: what the body does when it is dropped may panic.
        let _connection = self.told();
        if let Some(underway) = ended {
            underway.interrupt();
        }
    }

    fn told(&self) -> Told {
        Told(self.connection.lock().take())
    }
}

/// Wakes the connection when it is dropped.
struct Told(Option<Waker>);

impl Drop for Told {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            contained(|| connection.wake());
        }
    }
}

impl Drop for HangUp {
    /// The waker is the executor's code, and may panic where it is dropped in the middle of another panic.
    fn drop(&mut self) {
        if let Some(connection) = self.connection.lock().take() {
            contained(|| drop(connection));
        }
    }
}

impl Streaming {
    /// Leaves the connection's waker for an interrupt that comes from now on.
    fn leave_waker(&self, waker: &Waker) {
        let known = self
            .hang_up
            .connection
            .lock()
            .as_ref()
            .map(|known| known.will_wake(waker));
        if known != Some(true) {
            // To copy and to drop a waker is the executor's code: not under our lock.
            let new = waker.clone();
            let old = self.hang_up.connection.lock().replace(new);
            drop(old);
        }
    }

    /// The next piece; `None` if the body has been interrupted.
    fn next(&mut self, cx: &mut Context<'_>) -> Option<Polled> {
        // Contended by an interrupt only, which takes what is inside.
        let mut live = self.live.try_lock().ok()?;
        let underway = live.as_mut()?;
        let task = underway.guard.task();
        if task.is_signalled() && task.take_signal() {
            // `HangUp`, which was woken for the interrupt, may have no runtime to carry it out in.
            live.take()?.interrupt();
            return None;
        }
        let polled = underway.poll(cx);
        let outcome = match &polled {
            Poll::Pending => None,
            Poll::Ready(Some(Ok(frame))) => {
                // The connection asks the same, and does not come back for a `None`.
                let announced = self.announced;
                let is_at_end = || underway.guard.run(|| underway.is_at_end(announced));
                let is_last = frame.is_trailers() || is_at_end();
                is_last.then_some(Outcome::Completed)
            }
            Poll::Ready(None) => Some(Outcome::Completed),
            Poll::Ready(Some(Err(error))) => {
                super::failure::report(&underway.guard, error);
                Some(Outcome::Failed)
            }
        };
        if outcome.is_some()
            && let Some(underway) = live.take()
        {
            self.is_over = true;
            underway.end(outcome);
        }
        Some(polled)
    }

    /// What the body says of itself; `None` if it is gone. It is the host's code, and may panic.
    fn ask<T>(&self, what: impl FnOnce(&Underway) -> T) -> Option<T> {
        let live = self.live.try_lock().ok()?;
        let underway = live.as_ref()?;
        Some(underway.guard.run(|| what(underway)))
    }
}

type Polled = Poll<Option<Result<Frame<Bytes>, axum::Error>>>;

impl Underway {
    /// What is left of the last piece, or else what the body gives.
    fn poll(&mut self, cx: &mut Context<'_>) -> Polled {
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
                if piece.len() > PIECE {
                    self.rest = piece.split_off(PIECE);
                }
                task.add_bytes_sent(piece.len());
                Frame::data(piece)
            }
            Err(other) => other,
        })
    }

    /// True if the connection has got all of it. Of what is `announced`, it does not ask for more.
    fn is_at_end(&self, announced: Option<u64>) -> bool {
        let sent = || self.guard.task().bytes_sent();
        self.rest.is_empty()
            && (self.body.is_end_stream() || announced.is_some_and(|all| sent() >= Some(all)))
    }

    /// How much is left of it.
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

    /// Ends the task as it was told to.
    fn interrupt(self) {
        let outcome = self.guard.interrupt_outcome();
        self.end(Some(outcome));
    }

    /// Drops the body as part of its task, and ends that.
    fn end(self, outcome: Option<Outcome>) {
        let Underway { body, guard, .. } = self;
        let scope = PollScope::enter(guard.task());
        drop(body);
        scope.abandon();
        match outcome {
            Some(outcome) => guard.end(outcome),
            // The guard knows what it means when nothing is said.
            None => drop(guard),
        }
    }
}

impl HttpBody for Streaming {
    type Data = Bytes;
    /// Not `axum::Error`: that is what `Body::new` makes of it.
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        self.leave_waker(cx.waker());
        if let Some(polled) = self.next(cx) {
            return polled.map_err(axum::Error::into_inner);
        }
        self.is_over = true;
        Poll::Ready(Some(Err(Box::new(BrokenOff))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over
            || self
                .ask(|underway| underway.is_at_end(None))
                .unwrap_or(false)
    }

    fn size_hint(&self) -> SizeHint {
        self.ask(Underway::size_hint).unwrap_or_default()
    }
}

impl Drop for Streaming {
    /// The connection lets go of it before its end: the client left. Without this it would live on, for an
    /// interrupt that never comes.
    fn drop(&mut self) {
        let live = self.live.try_lock().ok().and_then(|mut live| live.take());
        if let Some(underway) = live {
            // Not asked after a panic. A panic in `is_end_stream` is contained: this may run during
            // unwinding, and hyper does not call it here.
            let task = underway.guard.task();
            let panicked = task.state() == TaskState::Running || task.outcome().is_some();
            let is_at_end = || underway.guard.run(|| underway.is_at_end(None));
            let is_over = !panicked && contained(is_at_end).unwrap_or(false);
            underway.end(is_over.then_some(Outcome::Completed));
        }
    }
}

/// What the connection is told of a body that was told to end.
#[derive(Debug)]
struct BrokenOff;

impl fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the response was interrupted, or its time was over")
    }
}

impl Error for BrokenOff {}
