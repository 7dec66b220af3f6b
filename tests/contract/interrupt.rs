//! Effect of an interrupt on the requests of a route, on their clients and on the resources they
//! hold, and its report. Other ends are in `truth/ends.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::{get, post};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use underscore_runtime::underscore_route;

use crate::support::sentences::BEGIN_WITH_ALL;
use crate::support::{Answer, PATIENCE, PanicsWhenDropped, Service, talk};

/// Closed until a test adds permits.
type Gate = State<Arc<Semaphore>>;

/// Sends a GET from another tokio task.
fn get_in_background(service: &Service, path: &str) -> JoinHandle<Answer> {
    let sent = service.request(Method::GET, path).send();
    tokio::spawn(async { Answer::of(sent.await.expect("the service answers")).await })
}

/// The state of the only task in a report.
fn only_task(report: &Value) -> &Value {
    let tasks = report["tasks"].as_object().expect("an object");
    assert_eq!(tasks.len(), 1, "{report:#}");
    tasks.values().next().expect("one task")
}

#[underscore_route(name = "told")]
async fn told(State(gate): Gate) {
    let _permit = gate.acquire().await;
}

/// Holds 3.32, 4.35, 4.36, 4.41, 4.42 of docs/admin-api.md.
#[tokio::test]
async fn the_client_of_an_interrupted_request_gets_a_503_with_the_reason() {
    let app = Router::new().route("/", get(told));
    let service = Service::start(app.with_state(Arc::new(Semaphore::new(0)))).await;
    let client = get_in_background(&service, "/");
    let task = service.wait_for_await("told", "gate.acquire()").await;
    let report = service
        .post("_routes/told/interrupt?reason=a%20deploy%20%22now%22")
        .await
        .ok_json();
    let id = task["id"].to_string();
    let expected = json!({
        "acknowledged": true, "interrupted": 1, "still_running": 0, "tasks": {id: "interrupted"},
    });
    assert_eq!(report, expected);
    let answer = client.await.expect("the client ran");
    assert_eq!(
        (answer.status, answer.content_type.as_str()),
        (503, "application/json")
    );
    let expected = json!({
        "error": {"type": "request_interrupted", "reason": "a deploy \"now\""}, "status": 503,
    });
    assert_eq!(answer.json(), expected);
    let row = service.wait_for_ends("told", &[("interrupted", 1)]).await;
    assert_eq!(row["stats.resp.status_5xx"], 1);
}

/// Records its drop.
struct Flag(Arc<AtomicBool>);

impl Drop for Flag {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[derive(Clone)]
struct Held {
    permits: Arc<Semaphore>,
    dropped: Arc<AtomicBool>,
}

#[underscore_route(name = "holds")]
async fn holds(State(held): State<Held>) {
    let _flag = Flag(Arc::clone(&held.dropped));
    let _permit = held.permits.acquire().await;
    std::future::pending::<()>().await;
}

/// Holds 4.44 of docs/admin-api.md.
#[tokio::test]
async fn resources_of_the_handler_are_released_before_the_report() {
    let held = Held {
        permits: Arc::new(Semaphore::new(1)),
        dropped: Arc::default(),
    };
    let service = Service::start(
        Router::new()
            .route("/", get(holds))
            .with_state(held.clone()),
    )
    .await;
    let client = get_in_background(&service, "/");
    service
        .wait_for_await("holds", "std::future::pending::<()>()")
        .await;
    assert_eq!(held.permits.available_permits(), 0);
    let report = service.post("_routes/holds/interrupt").await.ok_json();
    assert_eq!(report["interrupted"], 1);
    assert!(
        held.dropped.load(Ordering::SeqCst),
        "the handler's locals are dropped"
    );
    assert_eq!(held.permits.available_permits(), 1);
    assert_eq!(service.route("holds").await["stats.req.active"], 0);
    assert_eq!(client.await.expect("the client ran").status, 503);
}

#[underscore_route(name = "slow_body")]
async fn slow_body(body: Bytes) -> String {
    body.len().to_string()
}

/// Holds 3.45, 4.46 of docs/admin-api.md.
#[tokio::test]
async fn a_request_that_is_stuck_in_an_extractor_is_listed_and_can_be_interrupted() {
    let service = Service::start(Router::new().route("/", post(slow_body))).await;
    let mut connection = service.connect().await;
    let head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n";
    connection.write_all(head).await.expect("written");
    let task = service.wait_for_await("slow_body", "body: Bytes").await;
    let line = task["where"].as_str().expect("a place");
    assert!(line.starts_with("tests/contract/interrupt.rs:"), "{line}");
    let report = service.post("_routes/slow_body/interrupt").await.ok_json();
    assert_eq!(report["interrupted"], 1, "{report:#}");
    let answer = talk(&mut connection, "", "request_interrupted").await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    service
        .wait_for_ends("slow_body", &[("interrupted", 1)])
        .await;
}

#[derive(Clone)]
struct Stuck {
    /// Taken by the handler, which blocks its thread until the test sends a message or drops the
    /// sender.
    release: Arc<std::sync::Mutex<Option<Receiver<()>>>>,
    gate: Arc<Semaphore>,
}

impl Stuck {
    fn new(permits: usize) -> (Sender<()>, Stuck) {
        let (sender, receiver) = channel();
        let release = Arc::new(std::sync::Mutex::new(Some(receiver)));
        let gate = Arc::new(Semaphore::new(permits));
        (sender, Stuck { release, gate })
    }

    fn block(&self) {
        let receiver = self
            .release
            .lock()
            .expect("whole")
            .take()
            .expect("one request only");
        let _ = receiver.recv_timeout(PATIENCE);
    }
}

#[underscore_route(name = "blocks_then_waits")]
async fn blocks_then_waits(State(stuck): State<Stuck>) {
    stuck.block();
    let _permit = stuck.gate.acquire().await;
}

/// Waits for the request of a route, which must be running, and returns its row.
async fn running(service: &Service, route: &str) -> Value {
    service.wait_for(route, "stats.req.active", 1).await;
    let tasks = service.tasks(route).await;
    assert_eq!(tasks[0]["state"], "running", "{tasks:#?}");
    tasks[0].clone()
}

/// Holds 3.51, 4.38 of docs/admin-api.md.
#[tokio::test]
async fn a_long_poll_is_reported_as_stuck_and_is_interrupted_when_it_returns() {
    let (release, stuck) = Stuck::new(0);
    let app = Router::new()
        .route("/", get(blocks_then_waits))
        .with_state(stuck);
    let service = Service::start_on_workers(1, app).await;
    let client = get_in_background(&service, "/");
    let before = running(&service, "blocks_then_waits").await;
    assert_eq!(before["cancelling"], false);
    let report = service
        .post("_routes/blocks_then_waits/interrupt?timeout=30ms")
        .await
        .ok_json();
    assert_eq!(
        (&report["interrupted"], &report["still_running"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(only_task(&report), "stuck_in_poll");
    let task = running(&service, "blocks_then_waits").await;
    assert_eq!(task["cancelling"], true);
    release.send(()).expect("the handler waits for it");
    assert_eq!(client.await.expect("the client ran").status, 503);
    service
        .wait_for_ends("blocks_then_waits", &[("interrupted", 1)])
        .await;
}

#[underscore_route(name = "blocks_then_answers")]
async fn blocks_then_answers(State(stuck): State<Stuck>) -> &'static str {
    stuck.block();
    "after all"
}

/// Holds 4.40 of docs/admin-api.md.
#[tokio::test]
async fn without_waiting_a_task_is_reported_as_cancelling_and_its_own_answer_may_still_win() {
    let (release, stuck) = Stuck::new(0);
    let app = Router::new()
        .route("/", get(blocks_then_answers))
        .with_state(stuck);
    let service = Service::start_on_workers(1, app).await;
    let client = get_in_background(&service, "/");
    running(&service, "blocks_then_answers").await;
    let path = "_routes/blocks_then_answers/interrupt?wait_for_completion=false";
    let report = service.post(path).await.ok_json();
    assert_eq!(
        (&report["interrupted"], &report["still_running"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(only_task(&report), "cancelling");
    release.send(()).expect("the handler waits for it");
    let answer = client.await.expect("the client ran");
    assert_eq!((answer.status, answer.text.as_str()), (200, "after all"));
    service
        .wait_for_ends("blocks_then_answers", &[("completed", 1)])
        .await;
}

#[underscore_route(get, "/idle", name = "idle")]
async fn idle() {}

/// Holds 1.19, 4.45 of docs/admin-api.md.
#[tokio::test]
async fn a_route_without_requests_has_none_to_interrupt() {
    let nothing = json!({"acknowledged": true, "interrupted": 0, "still_running": 0, "tasks": {}});
    let service = Service::start(Router::new().route("/", get(idle))).await;
    assert_eq!(
        service.post("_routes/idle/interrupt").await.ok_json(),
        nothing,
        "not mounted"
    );
    service.get("/").await;
    assert_eq!(
        service.post("_routes/idle/interrupt").await.ok_json(),
        nothing,
        "none in flight"
    );
    assert_eq!(
        service.post("_routes/idle/_interrupt").await.ok_json(),
        nothing,
        "both spellings"
    );
    service.wait_for_ends("idle", &[("completed", 1)]).await;
}

#[underscore_route(name = "known")]
async fn known(State(gate): Gate) {
    let _permit = gate.acquire().await;
}

/// Holds 2.6 of docs/admin-api.md.
#[tokio::test]
async fn an_unknown_route_is_404_and_the_known_one_beside_it_is_not_interrupted() {
    let gate = Arc::new(Semaphore::new(0));
    let app = Router::new().route("/", get(known));
    let service = Service::start(app.with_state(Arc::clone(&gate))).await;
    let client = get_in_background(&service, "/");
    service.wait_for_await("known", "gate.acquire()").await;
    for (path, cure) in [
        ("_routes/knwon/interrupt", "did you mean"),
        ("_routes/known,00000000/interrupt", "GET /_cat/routes"),
    ] {
        let answer = service.post(path).await;
        let (kind, reason) = answer.error();
        assert_eq!(
            (answer.status, kind.as_str()),
            (404, "resource_not_found_exception")
        );
        assert!(reason.contains(cure), "{reason}");
    }
    assert_eq!(service.tasks("known").await[0]["cancelling"], false);
    gate.add_permits(1);
    assert_eq!(client.await.expect("the client ran").status, 200);
}

#[underscore_route(name = "wanted_twice")]
async fn wanted_twice(State(gate): Gate) {
    let _permit = gate.acquire().await;
}

#[tokio::test]
async fn two_interrupts_at_once_end_a_request_once_and_both_report_it() {
    let app = Router::new().route("/", get(wanted_twice));
    let service = Service::start(app.with_state(Arc::new(Semaphore::new(0)))).await;
    for round in 1..=10 {
        let client = get_in_background(&service, "/");
        service
            .wait_for_await("wanted_twice", "gate.acquire()")
            .await;
        let (one, other) = tokio::join!(
            service.post("_routes/wanted_twice/interrupt?reason=one"),
            service.post("_routes/wanted_twice/interrupt?reason=other"),
        );
        // The later interrupt may find no task, which is no error.
        let reports = [one.ok_json(), other.ok_json()];
        let counts = reports
            .each_ref()
            .map(|report| report["interrupted"].as_u64());
        assert!(counts.contains(&Some(1)), "{reports:#?}");
        assert!(
            reports.iter().all(|report| report["still_running"] == 0),
            "{reports:#?}"
        );
        let answer = client.await.expect("the client ran").json();
        assert!(
            [json!("one"), json!("other")].contains(&answer["error"]["reason"]),
            "{answer:#}"
        );
        service
            .wait_for_ends("wanted_twice", &[("interrupted", round)])
            .await;
    }
}

#[underscore_route(name = "resists")]
async fn resists(State(gate): Gate) {
    let _late = PanicsWhenDropped;
    let _permit = gate.acquire().await;
}

/// Holds 4.37 of docs/admin-api.md.
#[tokio::test]
async fn a_handler_that_panics_when_it_is_interrupted_counts_as_panicked() {
    let app = Router::new().route("/", get(resists));
    let service = Service::start(app.with_state(Arc::new(Semaphore::new(0)))).await;
    let client = tokio::spawn(service.request(Method::GET, "/").send());
    service.wait_for_await("resists", "gate.acquire()").await;
    let report = service.post("_routes/resists/interrupt").await.ok_json();
    assert_eq!(only_task(&report), "finished_first");
    assert!(
        client.await.expect("the client ran").is_err(),
        "its connection ends"
    );
    service.wait_for_ends("resists", &[("panicked", 1)]).await;
}

#[underscore_route(name = "all_or_one")]
async fn all_or_one(State(gate): Gate) {
    let _permit = gate.acquire().await;
}

/// Holds 1.13, 4.36 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_ends_every_request_of_its_route_and_a_later_one_is_served() {
    let gate = Arc::new(Semaphore::new(0));
    let app = Router::new().route("/", get(all_or_one));
    let service = Service::start(app.with_state(Arc::clone(&gate))).await;
    let clients: Vec<_> = (0..50).map(|_| get_in_background(&service, "/")).collect();
    service.wait_for("all_or_one", "stats.req.active", 50).await;
    let report = service.post("_routes/all_or_one/interrupt").await.ok_json();
    assert_eq!(report["interrupted"], 50, "{report:#}");
    assert_eq!(report["tasks"].as_object().expect("an object").len(), 50);
    for client in clients {
        assert_eq!(client.await.expect("the client ran").status, 503);
    }
    gate.add_permits(1);
    assert_eq!(service.get("/").await.status, 200);
    service
        .wait_for_ends("all_or_one", &[("interrupted", 50), ("completed", 1)])
        .await;
}

#[underscore_route(name = "spared")]
async fn spared(State(gate): Gate) {
    let _permit = gate.acquire().await;
}

/// Holds 2.9, 4.50 of docs/admin-api.md.
#[tokio::test]
async fn an_interrupt_without_a_route_or_with_a_body_is_400_and_ends_no_request() {
    let app = Router::new().route("/", get(spared));
    let service = Service::start(app.with_state(Arc::new(Semaphore::new(0)))).await;
    let _client = get_in_background(&service, "/");
    service.wait_for("spared", "stats.req.active", 1).await;
    for selector in ["", ",", "-spared", "%20,-*"] {
        let answer = service.post(&format!("_routes/{selector}/interrupt")).await;
        assert_eq!(answer.status, 400, "[{selector}]: {}", answer.text);
        let (kind, reason) = answer.error();
        assert_eq!(kind, "illegal_argument_exception");
        assert!(reason.contains(BEGIN_WITH_ALL), "{reason}");
    }
    let body = json!({"reason": "would be ignored"});
    let path = "_routes/spared/interrupt";
    let answer = service.admin_request(Method::POST, path, Some(body)).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    let (_, reason) = answer.error();
    assert!(
        reason.contains("parameters [children, reason, status, timeout"),
        "{reason}"
    );
    let row = service.route("spared").await;
    assert_eq!(row["stats.req.active"], 1);
}
