//! A request without a socket or a runtime: created, polled by hand to completion, and dropped.

use std::pin::pin;
use std::task::{Context, Waker};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Uri;
use axum::response::Response;
use tower::Service;

/// A bare `GET /`.
pub fn bare() -> Request {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = Uri::from_static("/");
    request
}

/// A request as sent by a proxy: a path with an id, a query, and the ids that are stored.
pub fn typical() -> Request {
    Request::get("/orders/81723?fields=items,customer")
        .header("host", "shop.example.com")
        .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0)")
        .header("accept", "application/json")
        .header("accept-encoding", "gzip, br")
        .header("x-forwarded-for", "203.0.113.7")
        .header("x-forwarded-proto", "https")
        .header("x-opaque-id", "checkout-7")
        .header("x-request-id", "0191f3c2-7a4b-7c52-9d2e-5b7c0a1f2e3d")
        .header(
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        )
        .body(Body::empty())
        .expect("a request")
}

/// Runs one request to completion. Without wakers: a pending future is polled again at once.
#[inline]
pub fn run(app: &mut Router, request: Request) -> Response {
    let mut context = Context::from_waker(Waker::noop());
    let mut response = pin!(Service::<Request>::call(app, request));
    loop {
        if let std::task::Poll::Ready(response) = response.as_mut().poll(&mut context) {
            let Ok(response) = response;
            return response;
        }
    }
}
