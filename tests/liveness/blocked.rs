//! Every worker thread of the service is blocked, in each way in which a thread can block.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use reqwest::Method;
use serde_json::Value;
use tokio::sync::Semaphore;
use underscore_runtime::underscore_route;

use super::{held, service_answers_soon, soon, turn};
use crate::support::{PATIENCE, Service};

/// Not a lock, which would show as the kernel's wait.
static OPEN: AtomicBool = AtomicBool::new(false);

fn is_open() -> bool {
    OPEN.load(Ordering::Relaxed)
}

#[underscore_route(name = "asleep")]
async fn asleep() {
    tokio::task::yield_now().await; // asleep
    while !is_open() {
        std::thread::sleep(Duration::from_millis(500));
    }
}

static LOCK: Mutex<()> = Mutex::new(());

#[underscore_route(name = "locked")]
async fn locked() {
    tokio::task::yield_now().await; // locked
    drop(LOCK.lock());
}

#[underscore_route(name = "spinning")]
async fn spinning() {
    tokio::task::yield_now().await; // spinning
    while !is_open() {
        std::hint::spin_loop();
    }
}

static PERMITS: Semaphore = Semaphore::const_new(0);

#[underscore_route(name = "blocked_on")]
async fn blocked_on() {
    tokio::task::yield_now().await; // blocked_on
    let permit = futures_executor::block_on(PERMITS.acquire());
    drop(permit);
}

static ORPHANED: Mutex<()> = Mutex::new(());

/// Never unlocked: the thread ends with the process.
#[underscore_route(name = "orphaned")]
async fn orphaned() {
    tokio::task::yield_now().await; // orphaned
    drop(ORPHANED.lock());
}

fn app() -> Router {
    Router::new()
        .route("/asleep", get(asleep))
        .route("/locked", get(locked))
        .route("/spinning", get(spinning))
        .route("/blocked_on", get(blocked_on))
        .route("/orphaned", get(orphaned))
}

/// The line of a handler's last await before it blocks.
fn last_await(handler: &str) -> String {
    let mut lines = include_str!("blocked.rs").lines().zip(1..);
    let found = lines.find(|(line, _)| line.ends_with(&format!("// {handler}")));
    format!("tests/liveness/blocked.rs:{}", found.expect("a line").1)
}

/// The rows of the workers blocked by a route, once there are two.
async fn culprits(service: &Service, route: &str) -> Vec<Value> {
    let id = service.route(route).await["id"].clone();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let rows = service.admin_json("_cat/workers?format=json").await;
        let rows = rows.as_array().expect("a table").iter();
        let blocked = rows.filter(|row| row["state"] == "blocked" && row["route_id"] == id);
        let blocked: Vec<Value> = blocked.cloned().collect();
        if blocked.len() == 2 {
            return blocked;
        }
        assert!(Instant::now() < deadline, "{route}: {blocked:#?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Blocks both workers of a service, and checks the answers of the admin API.
async fn blocked_by(route: &str, kernel: &str, release: impl FnOnce()) {
    let _turn = turn().await;
    OPEN.store(false, Ordering::Relaxed);
    let service = Service::start_on_workers(2, app()).await;
    let path = format!("/{route}");
    let clients = [(); 2].map(|()| tokio::spawn(service.request(Method::GET, &path).send()));
    service.wait_for(route, "stats.req.active", 2).await;
    let workers = culprits(&service, route).await;
    service_answers_soon(&service).await;

    let tasks = service.tasks(route).await;
    assert_eq!(tasks.len(), 2, "{tasks:#?}");
    for row in &workers {
        assert_eq!(row["where"], last_await(route));
        let task = tasks.iter().find(|task| task["id"] == row["task_id"]);
        let task = task.expect("it is listed");
        assert_eq!(task["state"], "running");
        assert_eq!(task["cancellable"], false);
        assert_eq!(task["thread"], row["thread"]);
        if cfg!(target_os = "linux") {
            assert_eq!(row["kernel_wait"], kernel, "{row:#}");
        }
    }
    assert_ne!(workers[0]["worker"], workers[1]["worker"]);

    let interrupt = format!("_routes/{route}/interrupt?timeout=1ms");
    soon(&interrupt, async || {
        let report = service.post(&interrupt).await.ok_json();
        assert_eq!(report["interrupted"], 0, "{report:#}");
        assert_eq!(report["still_running"], 2);
        for task in &tasks {
            assert_eq!(report["tasks"][task["id"].to_string()], "stuck_in_poll");
        }
    })
    .await;
    for task in service.tasks(route).await {
        assert_eq!(
            (&task["state"], &task["cancelling"]),
            (&"running".into(), &true.into())
        );
    }

    release();
    if route == "orphaned" {
        return;
    }
    for client in clients {
        client.await.expect("no panic").expect("an answer");
    }
    let row = service.wait_for(route, "stats.req.active", 0).await;
    assert_eq!(row["stats.req.total"], 2);
}

fn open() {
    OPEN.store(true, Ordering::Relaxed);
}

/// Holds 1.23, 4.38 of docs/admin-api.md.
#[tokio::test]
async fn it_answers_while_every_worker_sleeps() {
    blocked_by("asleep", "sleeping", open).await;
}

/// Holds 1.23, 4.38 of docs/admin-api.md.
#[tokio::test]
async fn it_answers_while_every_worker_waits_for_a_lock() {
    let (release, holder) = held(&LOCK);
    blocked_by("locked", "futex", move || drop(release)).await;
    holder.join().expect("no panic");
}

/// Holds 1.23, 4.38 of docs/admin-api.md.
#[tokio::test]
async fn it_answers_while_every_worker_spins() {
    blocked_by("spinning", "running", open).await;
}

/// Holds 1.23, 4.38 of docs/admin-api.md.
#[tokio::test]
async fn it_answers_while_every_worker_blocks_on_a_future() {
    blocked_by("blocked_on", "futex", || PERMITS.add_permits(2)).await;
}

/// Holds 1.23, 4.38 of docs/admin-api.md.
#[tokio::test]
async fn it_answers_while_every_worker_waits_for_a_lock_whose_holder_is_dead() {
    let holder = std::thread::spawn(|| std::mem::forget(ORPHANED.lock()));
    holder.join().expect("no panic");
    blocked_by("orphaned", "futex", || {}).await;
}
