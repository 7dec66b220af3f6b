//! Requests over real connections in a layer: clients that leave in each stage, bodies of
//! middleware, streams and websockets.

use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{any, get};
use futures_util::{StreamExt, stream};
use serde_json::Value;
use tokio::sync::Semaphore;
use underscore_runtime::{RequestLayer, track, underscore_route};

use super::{assert_counts, assert_ends, statuses, wait_for_tasks};
use crate::support::{Service, talk};

static NEVER: Semaphore = Semaphore::const_new(0);

async fn never() {
    NEVER.acquire().await.expect("never closed").forget();
}

/// The place where a request waits for ever: the last part of its path.
fn waits_in(request: &Parts, place: &str) -> bool {
    request.uri.path().ends_with(place)
}

struct Waiting {
    in_handler: bool,
    in_body: bool,
}

impl<S: Sync> FromRequestParts<S> for Waiting {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        if waits_in(parts, "extractors") {
            never().await;
        }
        Ok(Waiting {
            in_handler: waits_in(parts, "handler"),
            in_body: waits_in(parts, "body"),
        })
    }
}

fn endless() -> Body {
    let first = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"first"))]);
    Body::from_stream(first.chain(stream::pending()))
}

#[underscore_route(name = "within.waits")]
async fn waits(waiting: Waiting) -> Response {
    if waiting.in_handler {
        never().await;
    }
    Response::new(if waiting.in_body {
        endless()
    } else {
        Body::from("whole")
    })
}

async fn around(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if waits_in(&parts, "before") {
        never().await;
    }
    let waits_after = waits_in(&parts, "after");
    let response = next.run(Request::from_parts(parts, body)).await;
    if waits_after {
        never().await;
    }
    response
}

#[tokio::test]
async fn a_client_that_leaves_in_any_stage_is_one_disconnect() {
    let app = Router::new()
        .route("/within.left/{place}", get(waits))
        .layer(from_fn(around))
        .layer(RequestLayer::new());
    let service = Service::start(app).await;
    let mut left = 0;
    for round in 0..2 {
        for place in ["before", "extractors", "handler", "after", "body"] {
            let mut connection = service.connect().await;
            let head = format!("GET /within.left/{place} HTTP/1.1\r\nhost: x\r\n\r\n");
            tokio::io::AsyncWriteExt::write_all(&mut connection, head.as_bytes())
                .await
                .expect("written");
            let stage = match place {
                "before" if round == 0 => "service",
                "before" | "after" => "middleware",
                stage => stage,
            };
            let is_there = |rows: &[Value]| matches!(rows, [row] if row["stage"] == stage);
            wait_for_tasks("within.left", is_there).await;
            assert_counts(
                "within.left",
                1,
                &[("disconnected", left)][usize::from(left == 0)..],
            );
            drop(connection);
            wait_for_tasks("within.left", <[Value]>::is_empty).await;
            left += 1;
            assert_ends("within.left", &[("disconnected", left)]);
        }
    }
    assert_eq!(statuses("within.left", 2), 2, "the bodies had their heads");
}

/// Middleware reads the body of a handler and answers with one of its own.
#[tokio::test]
async fn a_request_ends_with_the_body_that_is_sent() {
    let replace = |request: Request, next: Next| async move {
        let streams = request.uri().path().ends_with("streams");
        let response = next.run(request).await;
        let read = axum::body::to_bytes(response.into_body(), 100).await;
        assert_eq!(read.expect("a body"), "whole");
        Response::new(if streams {
            endless()
        } else {
            Body::from("other")
        })
    };
    let app = Router::new()
        .route("/within.replaced/{body}", get(waits))
        .layer(from_fn(replace))
        .layer(RequestLayer::new());
    let service = Service::start(app).await;
    assert_eq!(service.get("/within.replaced/whole").await.text, "other");
    assert_ends("within.replaced", &[("completed", 1)]);
    let mut connection = service.connect().await;
    let request = "GET /within.replaced/streams HTTP/1.1\r\nhost: x\r\n\r\n";
    talk(&mut connection, request, "first").await;
    let is_streaming = |rows: &[Value]| matches!(rows, [row] if row["state"] == "streaming");
    let rows = wait_for_tasks("within.replaced", is_streaming).await;
    assert_eq!(rows[0]["stage"], "body");
    let cancel = format!("_tasks/{}/_cancel", rows[0]["id"]);
    assert_eq!(service.post(&cancel).await.ok_json()["interrupted"], 1);
    let ends = [("completed", 1), ("interrupted", 1)];
    assert_ends("within.replaced", &ends);
}

async fn listen(mut socket: WebSocket) {
    while let Some(Ok(_)) = socket.recv().await {}
}

#[underscore_route(name = "within.socket")]
async fn socket(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|socket| async move {
        let _ = track("socket", listen(socket)).await;
    })
}

/// A websocket is work of the route of its handler, also where its layer did not see the path.
#[tokio::test]
async fn a_socket_continues_its_request_on_the_route_of_its_handler() {
    let app = Router::new()
        .route("/within.socket", any(socket))
        .layer(from_fn(around))
        .layer(RequestLayer::new());
    let service = Service::start(app).await;
    for round in 1..=2 {
        let mut connection = service.connect().await;
        let request = "GET /within.socket HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\n\
                       upgrade: websocket\r\nsec-websocket-version: 13\r\n\
                       sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        talk(&mut connection, request, "\r\n\r\n").await;
        let is_open = |rows: &[Value]| matches!(rows, [row] if row["type"] == "background");
        let rows = wait_for_tasks("within.socket", is_open).await;
        assert_eq!(
            (&rows[0]["name"], &rows[0]["path"]),
            (&"socket".into(), &"/within.socket".into())
        );
        let row = service.route("within.socket").await;
        assert_eq!(
            (&row["stats.req.active"], &row["stats.end.completed"]),
            (&1.into(), &round.into())
        );
        drop(connection);
        wait_for_tasks("within.socket", <[Value]>::is_empty).await;
        service
            .wait_for_ends("within.socket", &[("completed", round)])
            .await;
    }
}
