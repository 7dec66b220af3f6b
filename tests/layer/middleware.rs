//! Requests that wait in middleware are listed, counted and steered like those in a handler.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use reqwest::Method;
use serde_json::json;
use tokio::sync::Semaphore;
use underscore_runtime::{RequestLayer, RouterExt as _, underscore_frame, underscore_route};

use super::tasks_at;
use crate::support::Service;

/// Middleware that lets as many requests through as the semaphore has permits.
#[underscore_frame]
async fn queue(State(permits): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    let _permit = permits.acquire().await.expect("it is open");
    next.run(request).await
}

fn queued(permits: &Arc<Semaphore>, routes: Router) -> Router {
    routes
        .layer(from_fn_with_state(Arc::clone(permits), queue))
        .layer(RequestLayer::new())
}

/// Sends `count` requests at once.
fn send(
    service: &Service,
    count: usize,
    path: &str,
) -> Vec<tokio::task::JoinHandle<(u16, String)>> {
    let send = |_| {
        let request = service.request(Method::GET, path);
        tokio::spawn(async move {
            let response = request.send().await.expect("an answer");
            let status = response.status().as_u16();
            (status, response.text().await.expect("a body"))
        })
    };
    (0..count).map(send).collect()
}

static HANDLED: Semaphore = Semaphore::const_new(0);

#[underscore_route(get, "/middleware/slow", name = "middleware.slow")]
async fn slow() -> &'static str {
    HANDLED.acquire().await.expect("it is open").forget();
    "done"
}

/// Holds 10.2, 10.6, 10.7 of docs/admin-api.md.
#[tokio::test]
async fn requests_in_the_queue_of_a_middleware_are_listed_and_limited() {
    let permits = Arc::new(Semaphore::new(20));
    let service = Service::start_tracked(queued(&permits, Router::new().mount(slow))).await;
    let sent = send(&service, 50, "/middleware/slow");
    let tasks = tasks_at(&service, "/middleware/slow", |tasks| {
        let handled = tasks.iter().filter(|task| task["stage"] == "handler");
        let waiting = tasks
            .iter()
            .filter(|task| task["stage"] == "middleware" && task["where"].is_string());
        handled.count() == 20 && waiting.count() == 30
    })
    .await;
    let route = service.route("middleware.slow").await;
    assert_eq!(route["stats.req.active"], 50);
    let waits = |stage: &str, source: &str| {
        let mut of_stage = tasks.iter().filter(|task| task["stage"] == stage);
        of_stage.all(|task| {
            task["awaiting"] == source
                && task["route_id"] == route["id"]
                && task["connection"].is_number()
        })
    };
    assert!(waits("middleware", "permits.acquire()"), "{tasks:#?}");
    assert!(waits("handler", "HANDLED.acquire()"), "{tasks:#?}");

    let limited = json!({"transient": {"limit.active": 50}});
    service
        .put("_routes/middleware.slow/_settings", limited)
        .await
        .ok_json();
    for (status, _) in results(send(&service, 3, "/middleware/slow")).await {
        assert_eq!(status, 503, "the limit acts before the queue");
    }
    HANDLED.add_permits(50);
    for (status, text) in results(sent).await {
        assert_eq!((status, &*text), (200, "done"));
    }
    service
        .wait_for_ends("middleware.slow", &[("completed", 50), ("rejected", 3)])
        .await;
}

async fn results<T>(sent: Vec<tokio::task::JoinHandle<T>>) -> Vec<T> {
    let mut results = Vec::new();
    for task in sent {
        results.push(task.await.expect("it does not panic"));
    }
    results
}

#[underscore_route(name = "middleware.timed")]
async fn timed() {}

/// Holds 10.2, 10.7 of docs/admin-api.md.
#[tokio::test]
async fn a_timeout_covers_the_queue_and_times_are_what_clients_waited() {
    let permits = Arc::new(Semaphore::new(1));
    let routes = Router::new().route("/middleware/timed", get(timed));
    let service = Service::start(queued(&permits, routes)).await;
    assert_eq!(service.get("/middleware/timed").await.status, 200);

    let held = Arc::clone(&permits)
        .acquire_owned()
        .await
        .expect("it is open");
    let waiting = send(&service, 1, "/middleware/timed");
    tasks_at(
        &service,
        "/middleware/timed",
        |tasks| matches!(tasks, [task] if task["running_time"].as_f64() >= Some(0.12)),
    )
    .await;
    drop(held);
    results(waiting).await;
    let route = service
        .wait_for("middleware.timed", "stats.req.total", 2)
        .await;
    let longest = route["stats.resp.time_max_1m"].as_f64().expect("a time");
    assert!(longest >= 0.12, "{route:#}");

    let timeout = json!({"transient": {"timeout": "30ms"}});
    service
        .put("_routes/middleware.timed/_settings", timeout)
        .await
        .ok_json();
    let held = permits.acquire().await.expect("it is open");
    let answer = service.get("/middleware/timed").await;
    assert_eq!(
        (answer.status, &answer.json()["error"]["type"]),
        (504, &json!("request_expired"))
    );
    drop(held);
    service
        .wait_for_ends("middleware.timed", &[("completed", 2), ("expired", 1)])
        .await;
}

static DEAD: Semaphore = Semaphore::const_new(0);

/// The call of a service that does not answer.
#[underscore_frame]
async fn ask_dead_service(request: Request, next: Next) -> Response {
    DEAD.acquire().await.expect("it is open").forget();
    next.run(request).await
}

/// Holds 10.6, 10.8 of docs/admin-api.md.
#[tokio::test]
async fn one_interrupt_answers_all_requests_that_wait_in_a_middleware() {
    let app = Router::new()
        .route("/middleware/dead", get(|| async { "never" }))
        .layer(from_fn(ask_dead_service))
        .layer(RequestLayer::new());
    let service = Service::start(app).await;
    let sent = send(&service, 200, "/middleware/dead");
    let tasks = tasks_at(&service, "/middleware/dead", |tasks| {
        tasks
            .iter()
            .filter(|task| task["where"].is_string())
            .count()
            == 200
    })
    .await;
    for task in &tasks {
        assert_eq!(task["awaiting"], "DEAD.acquire()");
        assert_eq!(task["stage"], "service");
        assert_eq!(task["coro"], serde_json::Value::Null);
    }
    let limit = json!({"transient": {"limit.active": 200}});
    let selector = "_routes/GET%20%2Fmiddleware%2Fdead";
    service
        .put(&format!("{selector}/_settings"), limit)
        .await
        .ok_json();
    assert_eq!(service.get("/middleware/dead").await.status, 503);
    let answer = service
        .post(&format!("{selector}/_interrupt?reason=auth%20is%20down"))
        .await;
    answer.ok_json();
    for (status, text) in results(sent).await {
        assert_eq!(status, 503);
        assert!(text.contains("auth is down"), "{text}");
    }
    let id = tasks[0]["route_id"].as_str().expect("an id");
    service
        .wait_for_ends(id, &[("interrupted", 200), ("rejected", 1)])
        .await;
}

static NEXT: Semaphore = Semaphore::const_new(0);
static OTHER: Semaphore = Semaphore::const_new(0);

/// Waits for one permit, having polled a future that it keeps.
#[underscore_route(name = "middleware.keeps")]
async fn keeps() {
    let mut other = Box::pin(async { OTHER.acquire().await.expect("it is open").forget() });
    tokio::select! {
        biased;
        () = &mut other => {}
        () = std::future::ready(()) => {}
    }
    NEXT.acquire().await.expect("it is open").forget();
}

#[underscore_frame]
async fn passes(request: Request, next: Next) -> Response {
    next.run(request).await
}

/// Holds 3.65 of docs/admin-api.md.
#[tokio::test]
async fn a_handler_within_middleware_waits_at_its_own_await() {
    let app = Router::new()
        .route("/middleware/keeps", get(keeps))
        .layer(from_fn(passes))
        .layer(RequestLayer::new());
    let service = Service::start(app).await;
    let sent = send(&service, 1, "/middleware/keeps");
    let task = service
        .wait_for_await("middleware.keeps", "NEXT.acquire()")
        .await;
    let kept = task["kept"].as_str().expect("a future is kept");
    assert!(kept.contains("OTHER.acquire()"), "{kept}");
    let id = &task["id"];
    let printed = service
        .admin(&format!("_tasks/{id}/print_stack"))
        .await
        .text;
    let at = |source: &str| printed.find(source).unwrap_or_else(|| panic!("{printed}"));
    assert!(at("next.run(request)") < at("NEXT.acquire()"), "{printed}");
    NEXT.add_permits(1);
    results(sent).await;
}

#[underscore_route(name = "middleware.preempted")]
async fn preempted() -> &'static str {
    unreachable!("its settings answer")
}

static GATE: Semaphore = Semaphore::const_new(0);

#[underscore_frame]
async fn gate(request: Request, next: Next) -> Response {
    GATE.acquire().await.expect("it is open").forget();
    next.run(request).await
}

/// Holds 10.7 of docs/admin-api.md.
#[tokio::test]
async fn the_settings_of_a_handler_reach_requests_that_arrived_before_it_was_known() {
    let app = Router::new()
        .route("/middleware/preempted", get(preempted))
        .layer(from_fn(gate))
        .layer(RequestLayer::new());
    let service = Service::start(app).await;
    let preempt = json!({"transient": {"preempt.status": 418}});
    service
        .put("_routes/middleware.preempted/settings", preempt)
        .await
        .ok_json();
    let sent = send(&service, 3, "/middleware/preempted");
    tasks_at(&service, "/middleware/preempted", |tasks| {
        tasks
            .iter()
            .filter(|task| task["where"].is_string())
            .count()
            == 3
    })
    .await;
    GATE.add_permits(3);
    for (status, _) in results(sent).await {
        assert_eq!(status, 418);
    }
    assert_eq!(
        service.get("/middleware/preempted").await.status,
        418,
        "now on arrival"
    );
    service
        .wait_for_ends("middleware.preempted", &[("preempted", 4)])
        .await;
}

/// Holds 3.31 of docs/admin-api.md.
#[tokio::test]
async fn a_client_that_leaves_in_the_middle_of_its_upload_is_disconnected() {
    let app = Router::new()
        .route(
            "/middleware/upload",
            post(|body: String| async move { body }),
        )
        .layer(RequestLayer::new());
    let service = Service::start(app).await;
    let mut client = service.connect().await;
    let head = "POST /middleware/upload HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf";
    crate::support::send(&mut client, head).await;
    let place = "POST%20%2Fmiddleware%2Fupload";
    tasks_at(&service, "/middleware/upload", |tasks| tasks.len() == 1).await;
    drop(client);
    service.wait_for_ends(place, &[("disconnected", 1)]).await;
}
