//! Task ids, response times, and reads of the admin API while all workers are blocked. Ends are in
//! `ends.rs`.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use underscore_runtime::underscore_route;

use crate::support::{PATIENCE, Service, talk};

/// Closed until a test adds permits.
type Gate = State<Arc<Semaphore>>;

#[underscore_route(name = "numbered")]
async fn numbered(State(gate): Gate) {
    gate.acquire().await.expect("the gate stays").forget();
}

/// Holds 2.24 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn task_ids_are_never_given_twice() {
    const ROUNDS: usize = 8;
    const AT_ONCE: usize = 25;
    let gate = Arc::new(Semaphore::new(0));
    let app = Router::new().route("/", get(numbered));
    let service = Service::start_on_workers(2, app.with_state(Arc::clone(&gate))).await;
    let mut ids = BTreeSet::new();
    for round in 1..=ROUNDS {
        let clients: Vec<_> = (0..AT_ONCE)
            .map(|_| tokio::spawn(service.request(Method::GET, "/").send()))
            .collect();
        service
            .wait_for("numbered", "stats.req.active", AT_ONCE)
            .await;
        let tasks = service.tasks("numbered").await;
        ids.extend(
            tasks
                .iter()
                .map(|task| task["id"].as_u64().expect("a number")),
        );
        assert_eq!(ids.len(), round * AT_ONCE, "an id was given twice");
        gate.add_permits(AT_ONCE);
        for client in clients {
            client.await.expect("the client ran").expect("an answer");
        }
    }
}

#[underscore_route(name = "looked_up")]
async fn looked_up(State(gate): Gate) {
    gate.acquire().await.expect("the gate stays").forget();
}

/// Holds 1.4, 2.23 of docs/admin-api.md.
#[tokio::test]
async fn a_task_is_found_by_its_id_until_it_has_ended() {
    let gate = Arc::new(Semaphore::new(0));
    let app = Router::new().route("/", get(looked_up));
    let service = Service::start(app.with_state(Arc::clone(&gate))).await;
    let client = tokio::spawn(service.request(Method::GET, "/").send());
    let task = service.wait_for_await("looked_up", "gate.acquire()").await;
    let path = format!("_cat/tasks/{}?format=json", task["id"]);
    let found = service.admin_json(&path).await;
    assert_eq!(found[0]["id"], task["id"]);
    assert_eq!(found.as_array().map(Vec::len), Some(1));
    gate.add_permits(1);
    client.await.expect("the client ran").expect("an answer");
    let gone = service.admin(&path).await;
    let (kind, reason) = gone.error();
    assert_eq!(
        (gone.status, kind.as_str()),
        (404, "resource_not_found_exception")
    );
    assert!(reason.contains(&task["id"].to_string()), "{reason}");
}

#[underscore_route(name = "timed")]
async fn timed(State(gate): Gate) {
    gate.acquire().await.expect("the gate stays").forget();
}

/// Holds 3.37, 3.39 of docs/admin-api.md.
#[tokio::test]
async fn averages_appear_with_the_first_response_and_include_responses_only() {
    let gate = Arc::new(Semaphore::new(1));
    let app = Router::new().route("/", get(timed));
    let service = Service::start(app.with_state(Arc::clone(&gate))).await;
    let columns = ["1m", "5m", "15m"].map(|window| format!("stats.resp.time_avg_{window}"));
    let averages = |row: &Value| columns.each_ref().map(|column| row[column].clone());
    assert_eq!(
        averages(&service.route("timed").await),
        [Value::Null, Value::Null, Value::Null]
    );

    service.get("/").await;
    let row = service.wait_for_ends("timed", &[("completed", 1)]).await;
    let first = averages(&row);
    for average in &first {
        assert!(
            average.as_f64().is_some_and(|average| average > 0.0),
            "{row:#}"
        );
    }

    // An interrupted and a preempted request, which took far more and far less time.
    let client = tokio::spawn(service.request(Method::GET, "/").send());
    service.wait_for_await("timed", "gate.acquire()").await;
    service.post("_routes/timed/interrupt").await.ok_json();
    client.await.expect("the client ran").expect("an answer");
    let preempt = json!({"transient": {"preempt.status": 503}});
    service
        .put("_routes/timed/settings", preempt)
        .await
        .ok_json();
    service.get("/").await;
    let ends = [("completed", 1), ("interrupted", 1), ("preempted", 1)];
    let row = service.wait_for_ends("timed", &ends).await;
    assert_eq!(averages(&row), first);
    assert_eq!(
        (&row["stats.resp.status_2xx"], &row["stats.resp.status_5xx"]),
        (&json!(1), &json!(2))
    );
}

/// Blocks threads until it is opened.
#[derive(Default)]
struct Barrier {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Barrier {
    fn block(&self) {
        let open = self.open.lock().expect("whole");
        let _ = self
            .opened
            .wait_timeout_while(open, PATIENCE, |open| !*open);
    }

    fn open(&self) {
        *self.open.lock().expect("whole") = true;
        self.opened.notify_all();
    }
}

#[underscore_route(name = "blocks_a_worker")]
async fn blocks_a_worker(State(barrier): State<Arc<Barrier>>) -> &'static str {
    barrier.block();
    "free"
}

#[underscore_route(name = "starved")]
async fn starved() {}

/// Holds 1.23, 3.43 of docs/admin-api.md.
#[tokio::test]
async fn the_admin_api_answers_while_every_worker_of_the_service_is_blocked() {
    let barrier = Arc::new(Barrier::default());
    let app = Router::new()
        .route("/", get(blocks_a_worker))
        .route("/starved", get(starved));
    let service = Service::start_on_workers(2, app.with_state(Arc::clone(&barrier))).await;
    let mut clients = Vec::new();
    for blocked in 1..=2 {
        clients.push(tokio::spawn(service.request(Method::GET, "/").send()));
        service
            .wait_for("blocks_a_worker", "stats.req.active", blocked)
            .await;
    }
    // No worker is left to serve this request.
    let starved = tokio::spawn(service.request(Method::GET, "/starved").send());
    for _ in 0..20 {
        let tasks = service.tasks("blocks_a_worker").await;
        assert!(
            tasks.iter().all(|task| task["state"] == "running"),
            "{tasks:#?}"
        );
        assert_eq!(tasks.len(), 2);
    }
    let report = service
        .post("_routes/blocks_a_worker/interrupt?timeout=20ms")
        .await
        .ok_json();
    assert_eq!(report["still_running"], 2, "{report:#}");
    let preempt = json!({"transient": {"preempt.status": 503}});
    service
        .put("_routes/starved/settings", preempt)
        .await
        .ok_json();
    assert_eq!(service.route("starved").await["preempt"], 503);
    barrier.open();
    for client in clients {
        let answer = client.await.expect("the client ran").expect("an answer");
        assert_eq!(answer.text().await.expect("a body"), "free");
    }
    let starved = starved.await.expect("the client ran").expect("an answer");
    assert_eq!(
        starved.status(),
        503,
        "the setting was there before the request was read"
    );
    service
        .wait_for_ends("blocks_a_worker", &[("completed", 2)])
        .await;
}

#[underscore_route(name = "resting")]
async fn resting(State(gate): Gate) {
    let _permit = gate.acquire().await;
}

/// Holds 3.49 of docs/admin-api.md.
#[tokio::test]
async fn a_task_is_shown_with_its_request_as_the_client_sent_it() {
    let gate = Arc::new(Semaphore::new(0));
    let nested = Router::new().route("/{id}", get(resting));
    let app = Router::new()
        .nest("/v1", nested)
        .with_state(Arc::clone(&gate));
    let service = Service::start(app).await;
    let mut connection = service.connect().await;
    let remote = connection
        .local_addr()
        .expect("it is connected")
        .to_string();
    let head = "GET /v1/7?q=%20x HTTP/1.1\r\nhost: x\r\n\r\n";
    let (answer, ()) = tokio::join!(talk(&mut connection, head, "\r\n\r\n"), async {
        let task = service.wait_for_await("resting", "gate.acquire()").await;
        assert_eq!(task["uri"], "/v1/7?q=%20x");
        assert_eq!(task["path"], "/v1/{id}");
        assert_eq!(task["method"], "GET");
        assert_eq!(task["remote"], remote);
        assert_eq!(
            (&task["state"], &task["cancelling"]),
            (&json!("waiting"), &json!(false))
        );
        assert!(
            task["running_time"].as_f64().is_some_and(|age| age > 0.0),
            "{task:#}"
        );
        gate.add_permits(1);
    });
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}
