//! The record of a request in a layer: what continues it, and when it is over.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, WebSocketUpgrade};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use futures_util::{StreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tower::{Layer, Service as TowerService, ServiceBuilder, ServiceExt, service_fn};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use underscore_runtime::{RequestLayer, admin_router, track, underscore_route};

use super::tasks_at;
use crate::support::Service;

/// Sends a request in a task of its own.
fn send(service: &Service, path: &str) -> tokio::task::JoinHandle<u16> {
    let request = service.request(Method::GET, path);
    tokio::spawn(async move { request.send().await.expect("an answer").status().as_u16() })
}

static OPEN: Semaphore = Semaphore::const_new(0);

#[underscore_route(name = "records.adopted")]
async fn adopted() -> &'static str {
    OPEN.acquire().await.expect("it is open").forget();
    "done"
}

/// Middleware that lets no request through until it is told to.
async fn closed(request: Request, next: Next) -> Response {
    static FIRST: AtomicBool = AtomicBool::new(true);
    if FIRST.swap(false, Ordering::Relaxed) {
        return Response::builder()
            .status(401)
            .body(Body::empty())
            .expect("a response");
    }
    next.run(request).await
}

/// Holds 10.9 of docs/admin-api.md.
#[tokio::test]
async fn a_route_of_the_layer_becomes_that_of_the_handler_with_its_counts_and_settings() {
    let app = Router::new()
        .route("/records/adopted", get(adopted))
        .layer(from_fn(closed))
        .layer(RequestLayer::named("records"));
    let service = Service::start(app).await;
    assert_eq!(service.get("/records/adopted").await.status, 401);
    let place = "GET%20%2Frecords%2Fadopted";
    let before = service.route(place).await;
    assert_eq!(
        (&before["handler"], &before["stats.resp.status_4xx"]),
        (&Value::Null, &1.into())
    );
    let limit = json!({"transient": {"limit.active": 1}, "expires_in": "1h"});
    service
        .put(&format!("_routes/{place}/settings"), limit)
        .await
        .ok_json();

    let sent = send(&service, "/records/adopted");
    tasks_at(&service, "/records/adopted", |tasks| {
        matches!(tasks, [task] if task["stage"] == "handler" && task["name"] == "records.adopted")
    })
    .await;
    let after = service.route(place).await;
    assert_eq!(after["name"], "records.adopted");
    assert_ne!(after["id"], before["id"]);
    assert_eq!(
        (&after["stats.req.total"], &after["stats.resp.status_4xx"]),
        (&2.into(), &1.into())
    );
    assert_eq!(
        service.get("/records/adopted").await.status,
        503,
        "the limit is still set"
    );
    OPEN.add_permits(1);
    assert_eq!(sent.await.expect("it ends"), 200);
    service
        .wait_for_ends("records.adopted", &[("completed", 2), ("rejected", 1)])
        .await;
    let settings = service
        .admin_json("_routes/records.adopted/settings?flat_settings")
        .await;
    let id = after["id"].as_str().expect("an id");
    assert_eq!(settings[id]["transient"], json!({"limit.active": 1}));
}

/// Holds 10.15 of docs/admin-api.md.
#[tokio::test]
async fn a_request_waits_for_a_service_that_is_not_ready() {
    /// Ready once a permit is available, like a concurrency limit.
    #[derive(Clone)]
    struct NotReady;
    static READY: Semaphore = Semaphore::const_new(0);
    impl TowerService<Request> for NotReady {
        type Response = Response;
        type Error = Infallible;
        type Future = Ready<Result<Response, Infallible>>;
        fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            if READY.available_permits() > 0 {
                return Poll::Ready(Ok(()));
            }
            let waker = cx.waker().clone();
            tokio::spawn(async move {
                let _ready = READY.acquire().await;
                waker.wake();
            });
            Poll::Pending
        }
        fn call(&mut self, _: Request) -> Self::Future {
            ready(Ok(Response::new(Body::from("ready"))))
        }
    }
    let layered = RequestLayer::named("records.not_ready").layer(NotReady);
    let service = Service::start(Router::new().fallback_service(layered)).await;
    let sent = send(&service, "/anything");
    service
        .wait_for("records.not_ready", "stats.req.active", 1)
        .await;
    READY.add_permits(1);
    assert_eq!(sent.await.expect("it ends"), 200);
    service
        .wait_for_ends("records.not_ready", &[("completed", 1)])
        .await;
}

#[underscore_route(name = "records.layered")]
async fn layered() -> &'static str {
    "once"
}

/// Holds 10.14 of docs/admin-api.md.
#[tokio::test]
async fn a_layer_around_a_layer_counts_a_request_once() {
    let app = Router::new()
        .route("/records/layered", get(layered))
        .route("/records/layered/closure", get(|| async { "once" }))
        .route_layer(
            ServiceBuilder::new()
                .layer(RequestLayer::new())
                .layer(RequestLayer::named("records.inner")),
        )
        .layer(RequestLayer::new());
    let whole = RequestLayer::named("records.whole").layer(app);
    let service = Service::start(Router::new().fallback_service(whole)).await;
    for path in [
        "/records/layered",
        "/records/layered/closure",
        "/records/layered/nowhere",
    ] {
        service.get(path).await;
        service.get(path).await;
    }
    service
        .wait_for_ends("records.layered", &[("completed", 2)])
        .await;
    service
        .wait_for_ends("GET%20%2Frecords%2Flayered%2Fclosure", &[("completed", 2)])
        .await;
    service
        .wait_for_ends("records.whole", &[("completed", 2)])
        .await;
    let inner = service.admin("_cat/routes/records.inner").await;
    assert_eq!(inner.status, 404, "{}", inner.text);
}

static SPAWNED: Semaphore = Semaphore::const_new(0);

#[underscore_route(name = "records.spawned")]
async fn spawned() -> &'static str {
    SPAWNED.acquire().await.expect("it is open").forget();
    "spawned"
}

/// Holds 10.10 of docs/admin-api.md.
#[tokio::test]
async fn a_handler_that_middleware_spawns_is_work_of_its_request() {
    let spawns = from_fn(|request: Request, next: Next| async move {
        tokio::spawn(next.run(request)).await.expect("it ends")
    });
    let tracks = from_fn(|request: Request, next: Next| async move {
        track("next", next.run(request))
            .await
            .expect("it is not interrupted")
    });
    let routes = || Router::new().route("/records/spawned", get(spawned));
    let apps = [routes().layer(spawns), routes().layer(tracks)];
    for (app, earlier) in apps.into_iter().zip(0..) {
        let service = Service::start(app.layer(RequestLayer::new())).await;
        let is_handled = |tasks: &[Value]| {
            let is = |task: &Value, name: &str| task["name"] == name;
            let mut handlers = tasks.iter().filter(|task| is(task, "handler"));
            handlers.any(|task| task["where"].is_string())
                && tasks.iter().any(|task| is(task, "records.spawned"))
        };
        let sent = send(&service, "/records/spawned");
        tasks_at(&service, "/records/spawned", is_handled).await;
        SPAWNED.add_permits(1);
        assert_eq!(sent.await.expect("it ends"), 200);

        let sent = send(&service, "/records/spawned");
        tasks_at(&service, "/records/spawned", is_handled).await;
        let interrupt = "_routes/records.spawned/interrupt?children=true";
        service.post(interrupt).await.ok_json();
        assert_eq!(sent.await.expect("it ends"), 503);
        tasks_at(&service, "/records/spawned", <[Value]>::is_empty).await;
        let ends = [("completed", earlier + 1), ("interrupted", earlier + 1)];
        service.wait_for_ends("records.spawned", &ends).await;
    }
}

#[underscore_route(name = "records.panics")]
async fn panics() {
    panic!("as planned");
}

async fn never() {
    std::future::pending::<()>().await;
}

/// Holds 10.11, 10.12 of docs/admin-api.md.
#[tokio::test]
async fn what_layers_inside_answer_is_counted() {
    let app = Router::new()
        .route("/records/panics", get(panics))
        .route("/records/never", get(never))
        .layer(CatchPanicLayer::new())
        .layer(TimeoutLayer::with_status_code(
            axum::http::StatusCode::REQUEST_TIMEOUT,
            Duration::from_millis(30),
        ))
        .layer(RequestLayer::new());
    let service = Service::start(app).await;
    assert_eq!(service.get("/records/panics").await.status, 500);
    let route = service
        .wait_for_ends("records.panics", &[("panicked", 1)])
        .await;
    assert_eq!(route["stats.resp.status_5xx"], 1);
    assert_eq!(service.get("/records/never").await.status, 408);
    let route = service
        .wait_for_ends("GET%20%2Frecords%2Fnever", &[("completed", 1)])
        .await;
    assert_eq!(route["stats.resp.status_4xx"], 1);
}

#[tokio::test]
async fn an_error_of_the_service_inside_is_a_failed_request() {
    let fails = service_fn(|_: Request| ready(Err::<Response, _>("no connection")));
    let layered = RequestLayer::named("records.fails").layer(fails);
    let service = Service::start(Router::new()).await;
    for _ in 0..2 {
        let answer = layered.clone().oneshot(Request::new(Body::empty())).await;
        assert_eq!(answer.err(), Some("no connection"));
    }
    service
        .wait_for_ends("records.fails", &[("failed", 2)])
        .await;
}

#[underscore_route(name = "records.streams")]
async fn streams() -> Body {
    let first = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"first"))]);
    Body::from_stream(first.chain(stream::pending()))
}

/// Holds 10.6 of docs/admin-api.md.
#[tokio::test]
async fn a_response_that_streams_is_in_its_body() {
    let app = Router::new()
        .route("/records/streams", get(streams))
        .layer(RequestLayer::new());
    let service = Service::start(app).await;
    let response = service
        .request(Method::GET, "/records/streams")
        .send()
        .await
        .expect("a response");
    let tasks = tasks_at(
        &service,
        "/records/streams",
        |tasks| matches!(tasks, [task] if task["bytes_sent"] == 5),
    )
    .await;
    assert_eq!(
        (&tasks[0]["stage"], &tasks[0]["state"]),
        (&"body".into(), &"streaming".into())
    );
    drop(response);
    service
        .wait_for_ends("records.streams", &[("disconnected", 1)])
        .await;
}

#[underscore_route(name = "records.socket")]
async fn socket(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|mut socket| async move {
        let _ = track("talk", async { while socket.recv().await.is_some() {} }).await;
    })
}

#[tokio::test]
async fn work_on_an_upgraded_connection_belongs_to_its_request() {
    let app = Router::new()
        .route("/records/socket", get(socket))
        .layer(RequestLayer::new());
    let service = Service::start_tracked(app).await;
    let mut client = service.connect().await;
    let upgrade = "GET /records/socket HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    crate::support::talk(&mut client, upgrade, "\r\n\r\n").await;
    let tasks = tasks_at(
        &service,
        "/records/socket",
        |tasks| matches!(tasks, [task] if task["name"] == "talk"),
    )
    .await;
    assert!(tasks[0]["connection"].is_number(), "{tasks:#?}");
    let route = service.route("records.socket").await;
    assert_eq!(
        (&route["stats.req.active"], &route["stats.resp.status_1xx"]),
        (&1.into(), &1.into())
    );
    drop(client);
    service
        .wait_for("records.socket", "stats.req.active", 0)
        .await;
}

/// Holds 10.16 of docs/admin-api.md.
#[tokio::test]
async fn a_request_that_interrupts_all_does_not_interrupt_itself() {
    let app = Router::new()
        .route("/records/own/never", get(never))
        .nest("/records/own/admin", admin_router())
        .layer(RequestLayer::named("records.own"));
    let service = Service::start(app).await;
    let sent = send(&service, "/records/own/never");
    tasks_at(&service, "/records/own/never", |tasks| tasks.len() == 1).await;
    let interrupt = "/records/own/admin/_routes/%2Frecords%2Fown*/interrupt?timeout=2s";
    let answer = service
        .request(Method::POST, interrupt)
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        answer.status().as_u16(),
        200,
        "{}",
        answer.text().await.expect("a text")
    );
    assert_eq!(sent.await.expect("it ends"), 503);
}
