//! Requests sent through a router and polled by the test.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use serde_json::Value;
use tower::ServiceExt;

use crate::admin::Operator;

pub type Sent = Pin<Box<dyn Future<Output = Response> + Send>>;

/// A GET of `/`, not polled yet.
pub fn send(router: &Router) -> Sent {
    send_to(router, "/")
}

pub fn send_to(router: &Router, uri: &str) -> Sent {
    let request = Request::get(uri).body(Body::empty());
    send_request(router, request.expect("a request"))
}

pub fn send_request(router: &Router, request: Request) -> Sent {
    let answer = router.clone().oneshot(request);
    Box::pin(async move { answer.await.unwrap_or_else(|error| match error {}) })
}

/// Polls once, with a no-op waker.
pub fn poll<T>(future: &mut Pin<Box<dyn Future<Output = T> + Send>>) -> Poll<T> {
    future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
}

/// The row of the only route of this name.
pub fn row(name: &str) -> Value {
    let rows = Operator::connect().rows(&format!("_cat/routes/{name}?format=json&h=*"));
    assert_eq!(rows.len(), 1, "{rows:#?}");
    rows[0].clone()
}

/// Asserts that the route has no request in flight and exactly these ends.
pub fn assert_ends(name: &str, ends: &[(&str, u64)]) {
    assert_counts(name, 0, ends);
}

/// Asserts that the route has this number of requests in flight and exactly these ends.
pub fn assert_counts(name: &str, active: u64, ends: &[(&str, u64)]) {
    let row = row(name);
    let total: u64 = ends.iter().map(|(_, count)| count).sum();
    assert_eq!(row["stats.req.active"], active, "{row:#}");
    assert_eq!(row["stats.req.total"], active + total, "{row:#}");
    for (column, count) in row.as_object().expect("a row") {
        if let Some(end) = column.strip_prefix("stats.end.") {
            let expected = ends.iter().find(|(name, _)| *name == end);
            assert_eq!(*count, expected.map_or(0, |(_, count)| *count), "{row:#}");
        }
    }
    let tasks = Operator::connect().rows(&format!("_cat/tasks?routes={name}&format=json"));
    assert_eq!(tasks.len() as u64, active, "{tasks:#?}");
}
