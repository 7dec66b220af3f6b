//! The thread of each row of `_cat/workers`, for busy workers, too.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use underscore_runtime::{track, underscore_route};

use crate::support::gate::Gate;
use crate::support::process::own_process;
use crate::support::{PATIENCE, Service};
use crate::turn;

/// A runtime whose threads are named `<name>-<number>`.
fn runtime(name: &'static str, workers: usize) -> Runtime {
    let last = AtomicUsize::new(0);
    Builder::new_multi_thread()
        .worker_threads(workers)
        .thread_name_fn(move || format!("{name}-{}", last.fetch_add(1, Ordering::Relaxed)))
        .enable_all()
        .build()
        .expect("threads can be had")
}

/// The rows of the runtime whose threads have this name, including those without a thread.
async fn rows(service: &Service, name: &str) -> Vec<Value> {
    let rows = service.admin_json("_cat/workers?format=json&h=*").await;
    let mut rows = rows.as_array().expect("a table").clone();
    let is_its = |row: &&Value| {
        let thread = row["thread"].as_str();
        thread.is_some_and(|thread| thread.starts_with(name))
    };
    let runtime = rows.iter().find(is_its).map(|row| row["runtime"].clone());
    rows.retain(|row| Some(&row["runtime"]) == runtime.as_ref());
    rows
}

/// The names of the threads in these rows.
fn threads(rows: &[Value]) -> Vec<&str> {
    let names = rows.iter().map(|row| row["thread"].as_str());
    names.flatten().collect()
}

/// Waits until each worker has its own thread.
async fn wait_for_threads(service: &Service, name: &str, workers: usize) -> Vec<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let rows = rows(service, name).await;
        let threads = threads(&rows);
        let different: BTreeSet<&str> = threads.iter().copied().collect();
        assert_eq!(different.len(), threads.len(), "{rows:#?}");
        if different.len() == workers {
            return rows;
        }
        assert!(Instant::now() < deadline, "{rows:#?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

static DONE: Gate = Gate::new();

/// Busy most of the time, for a few milliseconds per poll.
async fn work() {
    while !DONE.is_open() {
        let until = Instant::now() + Duration::from_millis(3);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Holds 3.57 of docs/admin-api.md.
#[tokio::test]
async fn each_worker_has_its_thread_though_some_are_busy() {
    let _turn = turn().await;
    own_process!();
    let runtime = runtime("busy", 4);
    let busy: Vec<_> = (0..3)
        .map(|_| runtime.spawn(async { track("work", work()).await }))
        .collect();
    // The workers were idle before the first read.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let service = runtime.spawn(Service::start(Router::new())).await;
    let service = service.expect("it starts");
    let first = wait_for_threads(&service, "busy", 4).await;
    for _ in 0..20 {
        let now = rows(&service, "busy").await;
        assert_eq!(threads(&now), threads(&first), "{now:#?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    DONE.open();
    for task in busy {
        task.await.expect("no panic").expect("not interrupted");
    }
    runtime.shutdown_background();
}

static HANDED_ON: Gate = Gate::new();

#[underscore_route(name = "hands_on")]
async fn hands_on() {
    tokio::task::block_in_place(|| HANDED_ON.wait());
}

/// Holds 3.57, 3.60 of docs/admin-api.md.
#[tokio::test]
async fn a_thread_that_has_handed_off_its_worker_is_not_listed() {
    let _turn = turn().await;
    own_process!();
    let runtime = runtime("handed", 2);
    let app = Router::new().route("/", get(hands_on));
    let service = runtime.spawn(Service::start(app)).await;
    let service = service.expect("it starts");
    wait_for_threads(&service, "handed", 2).await;
    let client = tokio::spawn(service.request(reqwest::Method::GET, "/").send());
    service.wait_for("hands_on", "stats.req.active", 1).await;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let task = &service.tasks("hands_on").await[0];
        let thread = task["thread"].as_str().expect("it is inside its poll");
        let rows = rows(&service, "handed").await;
        if !threads(&rows).contains(&thread) {
            break;
        }
        assert!(Instant::now() < deadline, "{rows:#?}");
        // Makes the new thread of the worker park.
        runtime.spawn(async {}).await.expect("no panic");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    HANDED_ON.open();
    client.await.expect("no panic").expect("an answer");
    runtime.shutdown_background();
}

static OPENED: Gate = Gate::new();

/// Holds 3.57 of docs/admin-api.md.
#[tokio::test]
async fn workers_that_block_one_after_another_all_have_their_thread() {
    let _turn = turn().await;
    own_process!();
    let service = Service::start(Router::new()).await;
    let runtime = runtime("late", 3);
    let mut tasks = Vec::new();
    for count in 1..=3 {
        tasks.push(runtime.spawn(track("blocks", async { OPENED.wait() })));
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut rows = rows(&service, "late").await;
            rows.retain(|row| row["state"] == "blocked" && row["task_id"].is_number());
            if rows.len() == count {
                let different: BTreeSet<&str> = threads(&rows).into_iter().collect();
                assert_eq!(different.len(), count, "{rows:#?}");
                break;
            }
            assert!(Instant::now() < deadline, "{rows:#?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    OPENED.open();
    for task in tasks {
        task.await.expect("no panic").expect("not interrupted");
    }
    runtime.shutdown_background();
}
