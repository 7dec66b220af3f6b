//! Handlers that follow a script, one step per poll.

use std::future::poll_fn;
use std::io;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use axum::body::{Body, Bytes};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use underscore_runtime::underscore_route;

/// A step of the extractor or of the handler after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Step {
    #[default]
    Wait,
    /// It wakes itself and waits.
    WakeAndWait,
    /// The extractor is ready and the handler waits.
    Extract,
    /// The extractor is ready and the handler responds with a body of known length.
    Answer(u16),
    /// As before, with a body of unknown length.
    Stream(u16),
    /// The extractor rejects the request with this status; the handler responds with it.
    Reject(u16),
    Panic,
}

/// A step of the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Piece {
    #[default]
    Wait,
    Data,
    /// Data, after which `is_end_stream` is true.
    Last,
    Trailers,
    End,
    Error,
    Panic,
}

/// The next step of a request, in its extensions.
#[derive(Debug, Default)]
pub struct Script(Mutex<Next>);

#[derive(Debug, Default)]
struct Next {
    step: Step,
    piece: Piece,
    /// The step of the next call, for middleware that calls the handler again.
    of_next_call: Option<Step>,
    /// The task that waits.
    waker: Option<Waker>,
}

impl Script {
    pub fn set(&self, step: Step, piece: Piece) {
        let mut next = self.next();
        (next.step, next.piece) = (step, piece);
    }

    /// Sets the step of the next call, once this call has ended.
    pub fn then(&self, step: Step) {
        self.next().of_next_call = Some(step);
    }

    /// Wakes the task that waits.
    pub fn wake(&self) {
        let waker = self.next().waker.take();
        waker.into_iter().for_each(Waker::wake);
    }

    fn step(&self) -> Step {
        self.next().step
    }

    fn piece(&self) -> Piece {
        self.next().piece
    }

    /// The last step of a call.
    fn end(&self) {
        let mut next = self.next();
        if let Some(step) = next.of_next_call.take() {
            next.step = step;
        }
    }

    fn wait<T>(&self, cx: &Context<'_>) -> Poll<T> {
        self.next().waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn next(&self) -> MutexGuard<'_, Next> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Panics without a message on the terminal, because there are hundreds.
pub fn panic_silently() -> ! {
    resume_unwind(Box::new("on purpose"))
}

pub fn status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("three digits")
}

/// The extractor of both handlers.
pub struct Scripted(Arc<Script>);

impl<S: Sync> FromRequestParts<S> for Scripted {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let script = parts.extensions.get::<Arc<Script>>();
        let script = Arc::clone(script.expect("every request has one"));
        poll_fn(|cx| match script.step() {
            Step::Wait => script.wait(cx),
            Step::WakeAndWait => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Step::Extract => {
                script.set(Step::Wait, Piece::Wait);
                Poll::Ready(Ok(()))
            }
            Step::Answer(_) | Step::Stream(_) => Poll::Ready(Ok(())),
            Step::Reject(rejected) => {
                script.end();
                Poll::Ready(Err(status(rejected).into_response()))
            }
            Step::Panic => {
                script.end();
                panic_silently()
            }
        })
        .await?;
        Ok(Scripted(script))
    }
}

impl Scripted {
    pub async fn answer(self) -> Response {
        poll_fn(|cx| match self.0.step() {
            Step::Wait | Step::Extract => self.0.wait(cx),
            Step::WakeAndWait => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Step::Answer(given) | Step::Reject(given) => {
                self.0.end();
                Poll::Ready((status(given), "whole").into_response())
            }
            Step::Stream(given) => {
                self.0.end();
                let pieces = Pieces {
                    script: Arc::clone(&self.0),
                    is_over: false,
                };
                Poll::Ready((status(given), Body::new(pieces)).into_response())
            }
            Step::Panic => {
                self.0.end();
                panic_silently()
            }
        })
        .await
    }
}

/// A body of unknown length.
struct Pieces {
    script: Arc<Script>,
    is_over: bool,
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let data = || Frame::data(Bytes::from_static(b"piece"));
        Poll::Ready(match self.script.piece() {
            Piece::Wait => return Poll::Pending,
            Piece::Data => Some(Ok(data())),
            Piece::Last => {
                self.is_over = true;
                Some(Ok(data()))
            }
            Piece::Trailers => Some(Ok(Frame::trailers(HeaderMap::new()))),
            Piece::End => None,
            Piece::Error => Some(Err(io::Error::other("on purpose"))),
            Piece::Panic => panic_silently(),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.is_over
    }
}

#[underscore_route(name = "truth_one")]
pub async fn one(script: Scripted) -> Response {
    script.answer().await
}

#[underscore_route(name = "truth_other")]
pub async fn other(script: Scripted) -> Response {
    script.answer().await
}
