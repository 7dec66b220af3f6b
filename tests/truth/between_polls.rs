//! Panics of a request's code where no poll of it is under way.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::routing::get;
use hyper::body::{Frame, SizeHint};
use underscore_runtime::underscore_route;

use crate::hand::{assert_ends, poll, send, send_request};
use crate::script::panic_silently;

/// An extractor that panics before it has a future to poll.
struct Eager;

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

/// What a layer has put on a request, and what panics when it is dropped with that.
#[derive(Clone)]
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic_silently();
    }
}

/// A body that panics where it is asked for its length.
struct Unmeasured;

impl HttpBody for Unmeasured {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(None)
    }

    fn size_hint(&self) -> SizeHint {
        panic_silently()
    }
}

#[underscore_route(name = "unmeasured")]
async fn unmeasured() -> Body {
    Body::new(Unmeasured)
}

#[test]
fn a_panic_between_two_polls_is_one_of_its_request() {
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
