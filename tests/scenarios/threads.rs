//! Handlers that block threads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use underscore_runtime::underscore_route;

use crate::support::gate::Gate;
use crate::support::{Service, process::own_process};
use crate::tables::{health, is_green, shows};
use crate::{send, statuses};

static IS_OVER: AtomicBool = AtomicBool::new(false);

#[underscore_route(get, "/sleep", name = "sleep")] // sleep
async fn sleep() {
    while !IS_OVER.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[underscore_route(get, "/loop", name = "loop")] // loop
async fn busy_loop() {
    while !IS_OVER.load(Ordering::Relaxed) {
        std::hint::spin_loop();
    }
}

static GATE: Gate = Gate::new();

#[underscore_route(get, "/mutex", name = "mutex")] // mutex
async fn mutex() {
    GATE.wait();
}

static PERMITS: Semaphore = Semaphore::const_new(0);

#[underscore_route(get, "/block_on", name = "block_on")] // block_on
async fn block_on() {
    let permit = futures_executor::block_on(PERMITS.acquire());
    permit.expect("open").forget();
}

fn end() {
    IS_OVER.store(true, Ordering::Relaxed);
    GATE.open();
    PERMITS.add_permits(1);
}

/// A request of this route blocks one of two workers.
async fn a_worker_is_blocked(name: &str, kernel_wait: &str) {
    let app = Router::new()
        .route("/sleep", get(sleep))
        .route("/loop", get(busy_loop))
        .route("/mutex", get(mutex))
        .route("/block_on", get(block_on));
    let service = Service::start_on_workers(2, app).await;
    let client = send(&service, &format!("/{name}"));
    service
        .wait_for_task(name, |task| task["state"] == "running")
        .await;
    let evidence =
        format!("tokio-rt-worker is inside one poll in threads.rs:{name}, kernel: {kernel_wait}");
    let finding = format!("red blocked worker /{name} TIME {evidence} GET /_cat/workers?v");
    health(&service, &finding).await;
    end();
    assert_eq!(statuses([client]).await, [200]);
    is_green(&service).await;
}

#[tokio::test]
async fn a_worker_sleeps() {
    own_process!();
    a_worker_is_blocked("sleep", "sleeping").await;
}

#[tokio::test]
async fn a_worker_loops() {
    own_process!();
    a_worker_is_blocked("loop", "running").await;
}

#[tokio::test]
async fn a_worker_waits_for_a_lock_of_threads() {
    own_process!();
    a_worker_is_blocked("mutex", "futex").await;
}

#[tokio::test]
async fn a_worker_blocks_on_a_future() {
    own_process!();
    a_worker_is_blocked("block_on", "futex").await;
}

#[underscore_route(get, "/hash", name = "hash")]
async fn hash() {
    let hashed = spawn_blocking(|| GATE.wait()).await; // hash
    hashed.expect("no panic");
}

/// Two threads for blocking work, and four requests that need one.
#[test]
fn the_threads_for_blocking_work_are_exhausted() {
    own_process!();
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(2)
        .enable_all()
        .build();
    runtime.expect("threads can be had").block_on(async {
        let service = Service::start(Router::new().route("/hash", get(hash))).await;
        let clients = [(); 4].map(|()| send(&service, "/hash"));
        service.wait_for_waiting("hash", 4).await;
        shows(
            &service,
            "_cat/stacks?v&h=count,path,where",
            "count path  where
                 4 /hash threads.rs:hash",
        )
        .await;
        end();
        assert_eq!(statuses(clients).await, [200; 4]);
        is_green(&service).await;
    });
}
