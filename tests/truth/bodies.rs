//! Bodies that are not polled to their end count as complete.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use hyper::body::Frame;
use underscore_runtime::underscore_route;

use crate::support::Service;

/// A body of one frame. The test decides whether `is_end_stream` is true after it, as for bodies of
/// a known length, or not, as for a file.
struct Single {
    piece: Option<Bytes>,
    knows_its_end: bool,
}

impl hyper::body::Body for Single {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.piece.take().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.knows_its_end && self.piece.is_none()
    }
}

fn single(piece: &'static [u8], knows_its_end: bool) -> Body {
    Body::new(Single {
        piece: Some(Bytes::from_static(piece)),
        knows_its_end,
    })
}

#[underscore_route(name = "one")]
async fn one() -> Body {
    single(b"all there is", true)
}

#[underscore_route(name = "trailers")]
async fn trailers() -> Response {
    struct WithTrailers(u8);
    impl hyper::body::Body for WithTrailers {
        type Data = Bytes;
        type Error = Infallible;
        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.0 += 1;
            Poll::Ready(Some(Ok(match self.0 {
                1 => Frame::data(Bytes::from_static(b"data")),
                _ => Frame::trailers(HeaderMap::new()),
            })))
        }
    }
    Response::new(Body::new(WithTrailers(0)))
}

#[tokio::test]
async fn a_body_that_knows_its_end_need_not_be_polled_to_it() {
    let app = Router::new()
        .route("/one", get(one))
        .route("/trailers", get(trailers));
    let service = Service::start(app).await;
    assert_eq!(service.get("/one").await.text, "all there is");
    service.wait_for_ends("one", &[("completed", 1)]).await;
    assert_eq!(service.get("/trailers").await.text, "data");
    service.wait_for_ends("trailers", &[("completed", 1)]).await;
}

#[underscore_route(name = "announced")]
async fn announced() -> Response {
    let body = single(b"as long as it says", false);
    let response = Response::builder().header("content-length", "18");
    response.body(body).expect("a response")
}

#[tokio::test]
async fn a_body_is_complete_at_its_announced_length() {
    let service = Service::start(Router::new().route("/", get(announced))).await;
    let answer = service.get("/").await;
    assert_eq!(answer.text, "as long as it says");
    assert_eq!(answer.headers["content-length"], "18");
    service
        .wait_for_ends("announced", &[("completed", 1)])
        .await;
}

#[underscore_route(name = "known")]
async fn known() -> &'static str {
    "a body of known length"
}

#[tokio::test]
async fn a_body_of_known_length_keeps_its_length() {
    let service = Service::start(Router::new().route("/", get(known))).await;
    let answer = service.get("/").await;
    assert_eq!(answer.headers["content-length"], "22");
    service.wait_for_ends("known", &[("completed", 1)]).await;
}
