//! The runtime of the service has ended with requests in flight.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use reqwest::Method;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use underscore_runtime::{spawn, underscore_route};

use super::{held, service_answers_soon, soon, turn};
use crate::support::{PATIENCE, Service};

static NEVER: Semaphore = Semaphore::const_new(0);

#[underscore_route(name = "cut_off")]
async fn cut_off() {
    NEVER.acquire().await.expect("never closed").forget();
}

static LOCK: Mutex<()> = Mutex::new(());

#[underscore_route(name = "held_up")]
async fn held_up() {
    drop(LOCK.lock());
}

fn app() -> Router {
    Router::new()
        .route("/cut_off", get(cut_off))
        .route("/held_up", get(held_up))
}

/// A service in a runtime that the test ends.
async fn start() -> (Runtime, Service) {
    let mut runtime = Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build();
    let runtime = runtime.expect("threads can be had");
    let service = runtime.spawn(Service::start(app())).await;
    (runtime, service.expect("it starts"))
}

async fn workers(service: &Service) -> Vec<Value> {
    let rows = service.admin_json("_cat/workers?format=json").await;
    rows.as_array().expect("a table").clone()
}

/// Waits until the number of listed workers is the initial one.
async fn wait_for_workers(service: &Service, count: usize) -> Vec<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let rows = workers(service).await;
        if rows.len() == count {
            return rows;
        }
        assert!(Instant::now() < deadline, "not {count}: {rows:#?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Another server, and the number of workers once it stays constant: the test's own, and blocked
/// ones of earlier tests.
async fn listed_before() -> (Service, usize) {
    let other = Service::start(app()).await;
    let mut count = usize::MAX;
    loop {
        let now = workers(&other).await.len();
        if now == count {
            return (other, count);
        }
        count = now;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn ended_by(end: impl FnOnce(Runtime) + Send + 'static) {
    let _turn = turn().await;
    let (other, before) = listed_before().await;
    let row = other.route("cut_off").await;
    let total = row["stats.req.total"].as_u64().expect("a number");
    let (runtime, service) = start().await;
    let clients = [(); 3].map(|()| tokio::spawn(service.request(Method::GET, "/cut_off").send()));
    drop(runtime.spawn(async { spawn("chore", NEVER.acquire()).await.is_ok() }));
    service.wait_for_waiting("cut_off", 3).await;
    while service.tasks("chore").await.is_empty() {
        tokio::task::yield_now().await;
    }
    wait_for_workers(&service, before + 2).await;

    let ended = tokio::task::spawn_blocking(move || end(runtime));
    ended.await.expect("it ends");
    service_answers_soon(&service).await;
    for client in clients {
        assert!(client.await.expect("no panic").is_err(), "it was cut off");
    }
    let row = service.wait_for("cut_off", "stats.req.active", 0).await;
    assert_eq!(row["stats.req.total"], total + 3);
    assert_eq!(row["stats.end.disconnected"], total + 3, "{row:#}");
    assert!(service.tasks("cut_off").await.is_empty());
    assert!(service.tasks("chore").await.is_empty());
    soon("interrupt", async || {
        let report = service.post("_routes/cut_off/interrupt").await.ok_json();
        assert_eq!(report["interrupted"], 0, "{report:#}");
        assert_eq!(report["tasks"], serde_json::json!({}));
    })
    .await;
    wait_for_workers(&service, before).await;
    service_answers_soon(&service).await;
}

/// Holds 1.24, 3.62 of docs/admin-api.md.
#[tokio::test]
async fn it_answers_after_the_runtime_was_shut_down_in_the_background() {
    ended_by(Runtime::shutdown_background).await;
}

/// Holds 1.24, 3.62 of docs/admin-api.md.
#[tokio::test]
async fn it_answers_after_the_runtime_was_shut_down_with_a_timeout() {
    ended_by(|runtime| runtime.shutdown_timeout(Duration::from_millis(100))).await;
}

/// Holds 1.24, 3.62 of docs/admin-api.md.
#[tokio::test]
async fn it_answers_after_the_runtime_was_dropped() {
    ended_by(drop).await;
}

/// Holds 3.62 of docs/admin-api.md.
///
/// The blocked thread of an ended runtime cannot exit, so it stays listed.
#[tokio::test]
async fn a_blocked_worker_of_a_runtime_that_has_ended_stays_listed() {
    let _turn = turn().await;
    let (_other, before) = listed_before().await;
    let (release, holder) = held(&LOCK);
    let (runtime, service) = start().await;
    let client = tokio::spawn(service.request(Method::GET, "/held_up").send());
    service.wait_for("held_up", "stats.req.active", 1).await;
    runtime.shutdown_background();
    drop(client);
    let task = service.tasks("held_up").await[0]["id"].clone();
    let is_it = |row: &Value| row["task_id"] == task && row["state"] == "blocked";
    while !wait_for_workers(&service, before + 1)
        .await
        .iter()
        .any(is_it)
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    service_answers_soon(&service).await;
    drop(release);
    holder.join().expect("no panic");
    service.wait_for("held_up", "stats.req.active", 0).await;
    wait_for_workers(&service, before).await;
}
