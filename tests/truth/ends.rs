//! Each end of a request leaves nothing in flight and is counted once, under its own name.
//! Interrupts are in `contract/interrupt.rs`.

use std::cell::RefCell;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use reqwest::Method;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tower::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use underscore_runtime::underscore_route;

use crate::support::futures::{Boxed, boxed, caught};
use crate::support::{PanicsWhenDropped, Service, talk};

/// Closed until a test adds permits.
type Gate = State<Arc<Semaphore>>;

#[underscore_route(name = "completes")]
async fn completes() -> &'static str {
    "done"
}

/// Holds 3.30, 3.39 of docs/admin-api.md.
#[tokio::test]
async fn a_request_with_an_answer_is_completed() {
    let service = Service::start(Router::new().route("/", get(completes))).await;
    for _ in 0..3 {
        assert_eq!(service.get("/").await.text, "done");
    }
    let row = service
        .wait_for_ends("completes", &[("completed", 3)])
        .await;
    assert_eq!(row["stats.resp.status_2xx"], 3);
}

#[underscore_route(name = "answers_head")]
async fn answers_head() -> &'static str {
    "a body that HEAD leaves out"
}

/// Holds 2.20 of docs/admin-api.md.
#[tokio::test]
async fn a_head_request_is_completed_on_the_row_of_get() {
    let service = Service::start(Router::new().route("/", get(answers_head))).await;
    let answer = service
        .request(Method::HEAD, "/")
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    let row = service
        .wait_for_ends("answers_head", &[("completed", 1)])
        .await;
    assert_eq!(row["method"], "GET");
}

#[underscore_route(name = "takes_number")]
async fn takes_number(Path(number): Path<u32>) -> String {
    number.to_string()
}

/// Holds 3.30 of docs/admin-api.md.
#[tokio::test]
async fn a_rejected_extractor_is_a_completed_request_with_status_4xx() {
    let service = Service::start(Router::new().route("/{number}", get(takes_number))).await;
    assert_eq!(service.get("/seven").await.status, 400);
    let row = service
        .wait_for_ends("takes_number", &[("completed", 1)])
        .await;
    assert_eq!(row["stats.resp.status_4xx"], 1);
    assert_eq!(row["stats.resp.status_2xx"], 0);
}

#[underscore_route(name = "panics_at_once")]
async fn panics_at_once() -> &'static str {
    panic!("at once")
}

/// Holds 3.33 of docs/admin-api.md.
#[tokio::test]
async fn an_uncaught_panic_is_counted() {
    let service = Service::start(Router::new().route("/", get(panics_at_once))).await;
    let answer = service.request(Method::GET, "/").send().await;
    assert!(answer.is_err(), "the connection ends without an answer");
    let row = service
        .wait_for_ends("panics_at_once", &[("panicked", 1)])
        .await;
    assert_eq!(row["stats.resp.status_5xx"], 0, "nothing was answered");
}

#[underscore_route(name = "panics_later")]
async fn panics_later(State(gate): Gate) -> &'static str {
    let _permit = gate.acquire().await;
    panic!("later")
}

/// Holds 3.33, 3.39 of docs/admin-api.md.
#[tokio::test]
async fn a_panic_after_an_await_is_counted_when_a_layer_catches_it() {
    let gate = Arc::new(Semaphore::new(1));
    let app = Router::new()
        .route("/", get(panics_later))
        .layer(CatchPanicLayer::new());
    let service = Service::start(app.with_state(Arc::clone(&gate))).await;
    assert_eq!(service.get("/").await.status, 500, "never pending");
    gate.forget_permits(1);
    let late = tokio::spawn(service.request(Method::GET, "/").send());
    service
        .wait_for_await("panics_later", "gate.acquire()")
        .await;
    gate.add_permits(1);
    let late = late
        .await
        .expect("the client ran")
        .expect("the layer answers");
    assert_eq!(late.status(), 500, "pending once");
    let row = service
        .wait_for_ends("panics_later", &[("panicked", 2)])
        .await;
    assert_eq!(row["stats.resp.status_5xx"], 0, "the layer's are not seen");
    assert_eq!(gate.available_permits(), 1, "what the handler held is free");
}

#[underscore_route(name = "drops_a_panic")]
async fn drops_a_panic() -> &'static str {
    let _late = PanicsWhenDropped;
    "an answer that is never given"
}

#[tokio::test]
async fn a_panic_in_a_drop_at_the_handlers_end_is_counted() {
    let app = Router::new()
        .route("/", get(drops_a_panic))
        .layer(CatchPanicLayer::new());
    let service = Service::start(app).await;
    assert_eq!(service.get("/").await.status, 500);
    service
        .wait_for_ends("drops_a_panic", &[("panicked", 1)])
        .await;
}

#[underscore_route(name = "left_with_a_panic")]
async fn left_with_a_panic(State(gate): Gate) {
    let _late = PanicsWhenDropped;
    let _permit = gate.acquire().await;
}

#[tokio::test]
async fn a_panic_in_a_drop_after_the_client_left_is_counted() {
    let app = Router::new().route("/", get(left_with_a_panic));
    let service = Service::start(app.with_state(Arc::new(Semaphore::new(0)))).await;
    let connection = service.send_get().await;
    service
        .wait_for_await("left_with_a_panic", "gate.acquire()")
        .await;
    drop(connection);
    service
        .wait_for_ends("left_with_a_panic", &[("panicked", 1)])
        .await;
}

async fn panics_after(gate: &Semaphore) {
    let _permit = gate.acquire().await;
    panic!("inside")
}

#[underscore_route(name = "catches")]
async fn catches(State(gate): Gate) -> String {
    let nested = async { panics_after(&gate).await };
    let caught = caught(nested).await.is_none();
    let spawned = tokio::spawn(async { panic!("elsewhere") });
    let failed = spawned.await.is_err();
    gate.acquire_many(2).await.expect("the gate stays").forget();
    format!("{caught} {failed}")
}

/// Holds 3.33 of docs/admin-api.md.
#[tokio::test]
async fn a_panic_that_the_handler_catches_is_not_an_end() {
    let gate = Arc::new(Semaphore::new(0));
    let app = Router::new().route("/", get(catches));
    let service = Service::start(app.with_state(Arc::clone(&gate))).await;
    let client = tokio::spawn(service.request(Method::GET, "/").send());
    service
        .wait_for_await("catches", "panics_after(&gate)")
        .await;
    gate.add_permits(1);
    service
        .wait_for_await("catches", "gate.acquire_many(2)")
        .await;
    gate.add_permits(1);
    let answer = client.await.expect("the client ran").expect("an answer");
    assert_eq!(answer.text().await.expect("a body"), "true true");
    service.wait_for_ends("catches", &[("completed", 1)]).await;
}

#[underscore_route(name = "left_alone")]
async fn left_alone(State(gate): Gate) {
    let _permit = gate.acquire().await;
}

/// Holds 3.31 of docs/admin-api.md.
#[tokio::test]
async fn a_client_that_leaves_while_the_handler_waits_is_disconnected() {
    let app = Router::new().route("/", get(left_alone));
    let service = Service::start(app.with_state(Arc::new(Semaphore::new(0)))).await;
    let connection = service.send_get().await;
    service.wait_for_await("left_alone", "gate.acquire()").await;
    drop(connection);
    let row = service
        .wait_for_ends("left_alone", &[("disconnected", 1)])
        .await;
    assert_eq!(row["stats.resp.time_avg_1m"], serde_json::Value::Null);
}

#[underscore_route(name = "reads_body")]
async fn reads_body(body: Bytes) -> String {
    body.len().to_string()
}

#[tokio::test]
async fn a_client_that_leaves_while_its_body_is_read_is_disconnected() {
    let service = Service::start(Router::new().route("/", post(reads_body))).await;
    for framing in ["content-length: 100", "transfer-encoding: chunked"] {
        let mut connection = service.connect().await;
        let head = format!("POST / HTTP/1.1\r\nhost: x\r\n{framing}\r\n\r\n4\r\nhal");
        connection
            .write_all(head.as_bytes())
            .await
            .expect("written");
        service.wait_for_await("reads_body", "body: Bytes").await;
        drop(connection);
        service.wait_for("reads_body", "stats.req.active", 0).await;
    }
    let row = service
        .wait_for_ends("reads_body", &[("disconnected", 2)])
        .await;
    assert_eq!(
        row["stats.resp.status_4xx"], 0,
        "nobody was there to be answered"
    );
}

#[underscore_route(name = "reads_little")]
async fn reads_little(body: Bytes) -> String {
    body.len().to_string()
}

#[tokio::test]
async fn an_invalid_body_is_answered_and_completed() {
    let limit = DefaultBodyLimit::max(3);
    let service = Service::start(Router::new().route("/", post(reads_little)).layer(limit)).await;
    let head = "POST / HTTP/1.1\r\nhost: x\r\n";
    let too_long = format!("{head}content-length: 4\r\n\r\nfour");
    let no_chunk = format!("{head}transfer-encoding: chunked\r\n\r\nno size\r\n");
    for (request, status) in [(too_long, "413"), (no_chunk, "400")] {
        let answer = talk(&mut service.connect().await, &request, "\r\n\r\n").await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
    let row = service
        .wait_for_ends("reads_little", &[("completed", 2)])
        .await;
    assert_eq!(row["stats.resp.status_4xx"], 2);
}

#[underscore_route(name = "times_out")]
async fn times_out(State(gate): Gate) {
    let _permit = gate.acquire().await;
}

/// Holds 3.31, 3.39 of docs/admin-api.md.
#[tokio::test]
async fn a_timeout_layer_around_the_handler_makes_it_disconnected() {
    let layer =
        TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_millis(20));
    let app = Router::new().route("/", get(times_out)).layer(layer);
    let service = Service::start(app.with_state(Arc::new(Semaphore::new(0)))).await;
    assert_eq!(service.get("/").await.status, 504);
    let row = service
        .wait_for_ends("times_out", &[("disconnected", 1)])
        .await;
    assert_eq!(row["stats.resp.status_5xx"], 0, "the layer's is not seen");
}

#[underscore_route(name = "mixed")]
async fn mixed(State(gate): Gate, Path(number): Path<u32>) -> String {
    let _permit = gate.acquire().await;
    assert_ne!(number, 13);
    number.to_string()
}

/// Holds 3.28, 3.29 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn total_is_the_sum_of_the_ends_when_they_come_in_any_order() {
    let gate = Arc::new(Semaphore::new(0));
    let app = Router::new()
        .route("/{number}", get(mixed))
        .layer(CatchPanicLayer::new());
    let service = Service::start(app.with_state(Arc::clone(&gate))).await;
    let mut clients = Vec::new();
    let mut leaving = Vec::new();
    for path in ["/1", "/13", "/1", "/13", "/1"] {
        clients.push(tokio::spawn(service.request(Method::GET, path).send()));
        let mut connection = service.connect().await;
        connection
            .write_all(b"GET /7 HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .expect("written");
        leaving.push(connection);
    }
    let row = service.wait_for("mixed", "stats.req.active", 10).await;
    assert_eq!(
        row["stats.req.total"], 10,
        "those in flight are in the total"
    );
    drop(leaving);
    service.wait_for("mixed", "stats.req.active", 5).await;
    gate.add_permits(1);
    for client in clients {
        client.await.expect("the client ran").expect("an answer");
    }
    let mut connection = service.connect().await;
    talk(
        &mut connection,
        "GET /none HTTP/1.1\r\nhost: x\r\n\r\n",
        "400",
    )
    .await;
    let ends = [("completed", 4), ("panicked", 2), ("disconnected", 5)];
    let row = service.wait_for_ends("mixed", &ends).await;
    assert_eq!(row["stats.resp.status_2xx"], 3);
    assert_eq!(row["stats.resp.status_4xx"], 1);
}

#[underscore_route(name = "torn_down")]
async fn torn_down(State(gate): Gate) {
    let _permit = gate.acquire().await;
}

thread_local! {
    /// Dropped with the thread, as a thread-local runtime is.
    static KEPT: RefCell<Option<Boxed<Response>>> = const { RefCell::new(None) };
}

#[tokio::test]
async fn a_request_that_is_dropped_while_its_thread_is_torn_down_counts_as_disconnected() {
    let app = Router::new().route("/", get(torn_down));
    let app: Router = app.with_state(Arc::new(Semaphore::new(0)));
    let service = Service::start(Router::new()).await;
    let thread = std::thread::spawn(move || {
        // Initialised before the request, so that it is destroyed after the thread-locals of the
        // request's polls.
        KEPT.with_borrow_mut(|kept| {
            let request = Request::get("/").body(Body::empty());
            let request = app.oneshot(request.expect("a request"));
            let mut request = boxed(async { request.await.expect("it cannot fail") });
            let polled = request
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_pending());
            *kept = Some(request);
        });
    });
    thread.join().expect("the thread ends");
    service
        .wait_for_ends("torn_down", &[("disconnected", 1)])
        .await;
}
