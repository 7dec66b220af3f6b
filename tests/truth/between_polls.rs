//! Panics in a request's code outside of its polls.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::routing::{MethodRouter, get};
use hyper::body::{Frame, SizeHint};
use underscore_runtime::underscore_route;

use crate::hand::{assert_ends, poll, send, send_request};
use crate::script::panic_silently;
use crate::support::bodies::Unmeasured;

/// An extractor that panics before it returns a future.
pub struct Eager;

impl<S: Sync> FromRequest<S> for Eager {
    type Rejection = StatusCode;

    #[allow(clippy::manual_async_fn, reason = "that would begin at its first poll")]
    fn from_request(_: Request, _: &S) -> impl Future<Output = Result<Self, StatusCode>> + Send {
        if true {
            panic_silently();
        }
        async { Ok(Eager) }
    }
}

#[underscore_route(name = "eager")]
async fn eager(_: Eager) {}

#[underscore_route(name = "takes_nothing")]
async fn takes_nothing() {}

/// An extension of a request that panics on drop.
#[derive(Clone)]
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic_silently();
    }
}

#[underscore_route(name = "unmeasured")]
async fn unmeasured() -> Body {
    Body::new(Unmeasured(panic_silently))
}

#[test]
fn a_panic_between_two_polls_counts_for_its_request() {
    let mut sent = send(&Router::new().route("/", get(eager)));
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut sent).is_ready())).is_err());
    drop(sent);
    assert_ends("eager", &[("panicked", 1)]);
    let request = Request::get("/").extension(Bomb).body(Body::empty());
    let router = Router::new().route("/", get(takes_nothing));
    let mut sent = send_request(&router, request.expect("a request"));
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut sent).is_ready())).is_err());
    drop(sent);
    assert_ends("takes_nothing", &[("panicked", 1)]);
    let mut sent = send(&Router::new().route("/", get(unmeasured)));
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut sent).is_ready())).is_err());
    drop(sent);
    assert_ends("unmeasured", &[("panicked", 1)]);
}

/// A body of unknown length, one method of which panics.
struct Broken(Panics);

#[derive(Clone, Copy, PartialEq)]
enum Panics {
    WhetherAtEnd,
    HowLong,
    WhenDropped,
    InItsError,
}

/// An error whose `Display` panics.
#[derive(Debug)]
struct Unspeakable;

impl fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic_silently()
    }
}

impl Error for Unspeakable {}

impl HttpBody for Broken {
    type Data = Bytes;
    type Error = Unspeakable;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Unspeakable>>> {
        Poll::Ready(Some(match self.0 {
            Panics::InItsError => Err(Unspeakable),
            _ => Ok(Frame::data(Bytes::from_static(b"piece"))),
        }))
    }

    fn is_end_stream(&self) -> bool {
        if self.0 == Panics::WhetherAtEnd {
            panic_silently();
        }
        false
    }

    fn size_hint(&self) -> SizeHint {
        thread_local!(static ASKED: Cell<u32> = const { Cell::new(0) });
        let asked = ASKED.replace(ASKED.get() + 1);
        // The first call is about the handler's response.
        if self.0 == Panics::HowLong && asked > 0 {
            panic_silently();
        }
        SizeHint::new()
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        if self.0 == Panics::WhenDropped && !std::thread::panicking() {
            panic_silently();
        }
    }
}

macro_rules! broken {
    ($handler:ident, $name:literal, $panics:expr) => {
        #[underscore_route(name = $name)]
        async fn $handler() -> Body {
            Body::new(Broken($panics))
        }
    };
}

/// The body of the response to a request.
fn body_of(handler: MethodRouter) -> Body {
    let mut sent = send(&Router::new().route("/", handler));
    match poll(&mut sent) {
        Poll::Ready(response) => response.into_body(),
        Poll::Pending => panic!("nothing to wait for"),
    }
}

/// Reads a body like a connection: a frame, then `is_end_stream` and `size_hint`.
fn read(mut body: Body, question: impl Fn(&Body)) -> Option<Result<Frame<Bytes>, axum::Error>> {
    let polled = Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop()));
    question(&body);
    match polled {
        Poll::Ready(frame) => frame,
        Poll::Pending => panic!("it is always ready"),
    }
}

fn panics(code: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(code)).is_err()
}

#[test]
fn a_body_that_panics_ends_its_own_request_only() {
    broken!(end_is_asked, "end_is_asked", Panics::WhetherAtEnd);
    assert!(panics(|| drop(read(body_of(get(end_is_asked)), |_| {}))));
    assert_ends("end_is_asked", &[("panicked", 1)]);

    // Only the library calls this method.
    broken!(end_is_not_asked, "end_is_not_asked", Panics::WhetherAtEnd);
    drop(body_of(get(end_is_not_asked)));
    assert_ends("end_is_not_asked", &[("panicked", 1)]);

    // A second panic during unwinding would abort the process.
    broken!(dropped_amid, "dropped_amid", Panics::WhetherAtEnd);
    assert!(panics(|| {
        let _body = body_of(get(dropped_amid));
        panic_silently();
    }));
    assert_ends("dropped_amid", &[("panicked", 1)]);

    broken!(length_is_asked, "length_is_asked", Panics::HowLong);
    let ask = |body: &Body| assert!(body.size_hint().exact().is_none());
    assert!(panics(|| drop(read(body_of(get(length_is_asked)), ask))));
    assert_ends("length_is_asked", &[("panicked", 1)]);

    broken!(drop_panics, "drop_panics", Panics::WhenDropped);
    assert!(panics(|| drop(read(body_of(get(drop_panics)), |_| {}))));
    assert_ends("drop_panics", &[("panicked", 1)]);

    // Only the log formats the error; the connection receives it and continues.
    broken!(error_panics, "error_panics", Panics::InItsError);
    let frame = read(body_of(get(error_panics)), |_| {});
    assert!(matches!(frame, Some(Err(_))));
    assert_ends("error_panics", &[("failed", 1)]);
}
