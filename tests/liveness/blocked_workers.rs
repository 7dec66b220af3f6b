//! Polls that block their worker: the responsible task and the duration are shown, and the admin
//! API answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use reqwest::Method;
use serde_json::Value;
use underscore_runtime::{track, underscore_route};

use crate::support::gate::Gate;
use crate::support::log::LOG;
use crate::support::process::own_process;
use crate::support::{PATIENCE, Service};
use crate::turn;

/// The log lines about a handler.
fn warnings_of(handler: &str) -> Vec<String> {
    let handler = format!("handler=\"liveness::blocked_workers::{handler}\"");
    let lines = LOG.lines().into_iter();
    lines.filter(|line| line.contains(&handler)).collect()
}

/// Waits until a task of this route blocks a worker and returns the worker's row.
async fn wait_for_culprit(service: &Service, route: &str) -> Value {
    let id = service.route(route).await["id"].clone();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let rows = service.admin_json("_cat/workers?format=json&h=*").await;
        let rows = rows.as_array().expect("a table");
        let is_it = |row: &&Value| row["state"] == "blocked" && row["route_id"] == id;
        if let Some(row) = rows.iter().find(is_it) {
            return row.clone();
        }
        assert!(
            Instant::now() < deadline,
            "{route} blocks nobody: {rows:#?}"
        );
        tokio::task::yield_now().await;
    }
}

static LOCKED: Gate = Gate::new();
static SPINNING: Gate = Gate::new();

#[underscore_route(name = "takes_lock")]
async fn locked() -> &'static str {
    std::future::ready(()).await;
    tokio::task::yield_now().await; // the lock is taken behind this
    LOCKED.wait();
    "unlocked"
}

#[underscore_route(name = "spins_on")]
async fn spinning() -> &'static str {
    tokio::task::yield_now().await; // the loop begins behind this
    while !SPINNING.is_open() {
        std::hint::spin_loop();
    }
    "done"
}

fn line_of(comment: &str) -> String {
    let mut lines = include_str!("blocked_workers.rs").lines().zip(1..);
    let (_, line) = lines
        .find(|(line, _)| line.ends_with(&format!("// {comment}")))
        .expect("the comment is there");
    format!("tests/liveness/blocked_workers.rs:{line}")
}

/// Holds 1.23, 3.50, 3.51, 3.57, 3.58, 4.38, 7.7 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_admin_api_answers_and_names_the_blocking_tasks_while_every_worker_is_blocked() {
    let _turn = turn().await;
    own_process!();
    let app = Router::new()
        .route("/locked", get(locked))
        .route("/spinning", get(spinning));
    let service = Service::start_on_workers(2, app).await;
    let clients = [
        tokio::spawn(service.request(Method::GET, "/locked").send()),
        tokio::spawn(service.request(Method::GET, "/spinning").send()),
    ];
    let locked = wait_for_culprit(&service, "takes_lock").await;
    let spinning = wait_for_culprit(&service, "spins_on").await;
    assert_eq!(locked["where"], line_of("the lock is taken behind this"));
    assert_eq!(spinning["where"], line_of("the loop begins behind this"));
    assert_ne!(locked["worker"], spinning["worker"]);
    for row in [&locked, &spinning] {
        assert_eq!(row["thread"], "tokio-rt-worker");
        assert!(
            row["in_poll_for"].as_f64().is_some_and(|time| time >= 0.1),
            "{row:#}"
        );
    }
    if cfg!(target_os = "linux") {
        assert_eq!(locked["kernel_wait"], "futex");
        assert_eq!(spinning["kernel_wait"], "running");
    }

    let task = locked["task_id"].clone();
    for path in [
        "",
        "_cat",
        "_cat/routes",
        "_cat/tasks?v",
        &format!("_cat/tasks/{task}"),
        "_cat/stacks",
        "_cat/workers",
        "_routes",
        "_routes/settings",
        "_tasks?detailed",
        &format!("_tasks/{task}/print_stack"),
    ] {
        let answer = tokio::time::timeout(Duration::from_secs(5), service.admin(path)).await;
        assert_eq!(answer.expect("it answers").status, 200, "{path}");
    }
    let row = &service.tasks("takes_lock").await[0];
    assert_eq!(row["state"], "running");
    assert_eq!(row["cancellable"], false);
    assert_eq!(row["thread"], "tokio-rt-worker");
    assert_eq!(row["waiting_time"], Value::Null);
    let printed = service
        .admin(&format!("_tasks/{task}/print_stack"))
        .await
        .text;
    let head = printed.lines().next().expect("a line");
    assert!(head.contains(", inside one poll for "), "{printed}");
    assert!(head.contains(" on tokio-rt-worker"), "{printed}");

    let report = service
        .post("_routes/takes_lock,spins_on/interrupt?timeout=50ms")
        .await
        .ok_json();
    assert_eq!(report["still_running"], 2, "{report:#}");
    assert_eq!(report["tasks"][task.to_string()], "stuck_in_poll");
    assert_eq!(service.tasks("takes_lock").await[0]["cancelling"], true);

    // Both complete within their current poll, so the interrupt has no effect.
    LOCKED.open();
    SPINNING.open();
    for client in clients {
        let answer = client.await.expect("no panic").expect("an answer");
        assert_eq!(answer.status(), 200);
    }
    service
        .wait_for_ends("takes_lock", &[("completed", 1)])
        .await;
    service.wait_for_ends("spins_on", &[("completed", 1)]).await;
}

static FIRST_STEP: Gate = Gate::new();
static NEVER: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(0);

#[underscore_route(name = "waits_later")]
async fn waits_later() {
    FIRST_STEP.wait();
    NEVER.acquire().await.expect("never closed").forget();
}

/// Holds 4.38 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_of_a_blocked_poll_takes_effect_when_it_returns() {
    let _turn = turn().await;
    own_process!();
    let app = Router::new().route("/", get(waits_later));
    let service = Service::start_on_workers(2, app).await;
    let client = tokio::spawn(service.request(Method::GET, "/").send());
    wait_for_culprit(&service, "waits_later").await;
    let report = service
        .post("_routes/waits_later/interrupt?timeout=20ms")
        .await
        .ok_json();
    assert_eq!(report["still_running"], 1, "{report:#}");
    FIRST_STEP.open();
    let answer = client.await.expect("no panic").expect("an answer");
    assert_eq!(answer.status(), 503);
    service
        .wait_for_ends("waits_later", &[("interrupted", 1)])
        .await;
}

#[underscore_route(name = "off_the_workers")]
async fn off_the_workers() {
    let blocking = tokio::task::spawn_blocking(|| PATIENT.wait());
    blocking.await.expect("no panic");
}

static PATIENT: Gate = Gate::new();

#[underscore_route(name = "handed_over")]
async fn handed_over() {
    tokio::task::block_in_place(|| PATIENT.wait());
}

/// Holds 3.60 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn code_off_the_workers_blocks_no_worker() {
    let _turn = turn().await;
    own_process!();
    let app = Router::new()
        .route("/off_the_workers", get(off_the_workers))
        .route("/handed_over", get(handed_over));
    let service = Service::start_on_workers(2, app).await;
    let clients = [
        tokio::spawn(service.request(Method::GET, "/off_the_workers").send()),
        tokio::spawn(service.request(Method::GET, "/handed_over").send()),
    ];
    service.wait_for_waiting("off_the_workers", 1).await;
    service.wait_for("handed_over", "stats.req.active", 1).await;
    // Several times the interval of the sampler.
    let deadline = Instant::now() + Duration::from_millis(600);
    while Instant::now() < deadline {
        let workers = service.admin("_cat/workers?h=state").await.text;
        assert!(!workers.contains("blocked"), "{workers}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let task = &service.tasks("handed_over").await[0];
    assert_eq!(task["state"], "running", "it is inside its poll");
    assert_eq!(task["cancellable"], false, "no interrupt reaches it");
    PATIENT.open();
    for client in clients {
        let answer = client.await.expect("no panic").expect("an answer");
        assert_eq!(answer.status(), 200);
    }
    for handler in ["off_the_workers", "handed_over"] {
        assert_eq!(warnings_of(handler), Vec::<String>::new(), "{handler}");
    }
}

static LONG: Gate = Gate::new();

#[underscore_route(name = "told")]
async fn told() -> &'static str {
    tokio::task::yield_now().await; // the last await before the stall
    LONG.wait();
    "told"
}

/// Holds 7.8 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stall_is_one_warning_that_names_route_task_and_await_point() {
    let _turn = turn().await;
    own_process!();
    let service = Service::start_on_workers(2, Router::new().route("/told", get(told))).await;
    let client = tokio::spawn(service.request(Method::GET, "/told").send());
    let culprit = wait_for_culprit(&service, "told").await;
    LOG.wait(|lines| {
        lines
            .iter()
            .any(|line| line.contains("liveness::blocked_workers::told"))
    });
    // A second warning would have been logged by then.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let lines = warnings_of("told");
    let [warning] = lines.as_slice() else {
        panic!("{lines:#?}");
    };
    let place = line_of("the last await before the stall");
    for part in [
        "WARN ",
        &format!("task={} ", culprit["task_id"]),
        "method=GET ",
        "path=\"/told\" ",
        &format!("after={place} "),
        "awaiting=\"tokio::task::yield_now()\" ",
        "thread=\"tokio-rt-worker\" ",
        "in_poll_for_ms=",
    ] {
        assert!(warning.contains(part), "{part} in {warning}");
    }
    LONG.open();
    let answer = client.await.expect("no panic").expect("an answer");
    assert_eq!(answer.status(), 200);
    let task = format!("task={} ", culprit["task_id"]);
    let came_back = |line: &String| line.starts_with("INFO ") && line.contains(&task);
    LOG.wait(|lines| lines.iter().any(came_back));
    assert_eq!(warnings_of("told").len(), 1);
}

static PARTS: Gate = Gate::new();

#[underscore_route(name = "in_parts")]
async fn in_parts() {
    while !PARTS.is_open() {
        // Each part is ready when polled, so no await yields the thread.
        let part = track("part", async {
            std::thread::sleep(Duration::from_millis(5));
        });
        part.await.expect("not it alone");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_is_one_stall_however_many_tasks_take_part_in_it() {
    let _turn = turn().await;
    own_process!();
    let app = Router::new().route("/in_parts", get(in_parts));
    let service = Service::start_on_workers(2, app).await;
    let client = tokio::spawn(service.request(Method::GET, "/in_parts").send());
    wait_for_culprit(&service, "in_parts").await;
    PARTS.open();
    client.await.expect("no panic").expect("an answer");
}

#[underscore_route(name = "idle")]
async fn idle() {
    NEVER.acquire().await.expect("never closed").forget();
}

/// Holds 1.6, 3.57, 3.59 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_are_listed_one_by_one_with_their_states() {
    let _turn = turn().await;
    own_process!();
    let service = Arc::new(Service::start_on_workers(3, Router::new().route("/", get(idle))).await);
    let client = tokio::spawn(service.request(Method::GET, "/").send());
    service.wait_for_waiting("idle", 1).await;
    let deadline = Instant::now() + PATIENCE;
    let rows = loop {
        let rows = service.admin_json("_cat/workers?format=json").await;
        let rows = rows.as_array().expect("a table").clone();
        // Workers of the test's own runtime are listed only if they have run a task.
        let parked = rows.iter().filter(|row| row["state"] == "parked").count();
        if parked >= 3 && rows.iter().any(|row| row["busy_1m"].is_number()) {
            break rows;
        }
        assert!(Instant::now() < deadline, "never at rest: {rows:#?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let columns: Vec<&str> = rows[0]
        .as_object()
        .expect("a row")
        .keys()
        .map(String::as_str)
        .collect();
    let mut expected = vec![
        "worker",
        "thread",
        "state",
        "in_poll_for",
        "task_id",
        "route_id",
        "where",
        "busy_1m",
        "kernel_wait",
        "runtime",
    ];
    expected.sort_unstable();
    let mut sorted = columns;
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
    for row in &rows {
        let busy = row["busy_1m"].as_f64();
        assert!(
            busy.is_none_or(|busy| (0.0..=100.0).contains(&busy)),
            "{row:#}"
        );
    }
    let task = &service.tasks("idle").await[0];
    assert!(task["waiting_time"].is_number(), "{task:#}");
    assert_eq!(task["thread"], Value::Null, "no thread is inside it");
    service.post("_routes/idle/interrupt").await;
    client.await.expect("no panic").expect("an answer");
}
