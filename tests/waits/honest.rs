//! A service that is busy and never in a deadlock: no look may say that it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::routing::get;
use tokio::sync::{Mutex, RwLock, Semaphore};
use tokio::task::yield_now;
use tower::ServiceExt;
use underscore_runtime::{admin_router, underscore_frame, underscore_route};

use crate::support::process::own_process;

#[derive(Clone)]
struct App {
    first: Arc<Mutex<u64>>,
    second: Arc<Mutex<u64>>,
    shared: Arc<RwLock<u64>>,
    permits: Arc<Semaphore>,
}

type A = State<App>;

#[underscore_route]
async fn first_then_second(State(app): A) {
    let first = app.first.lock().await;
    yield_now().await;
    let mut second = app.second.lock().await;
    yield_now().await;
    *second += *first;
    drop(first);
    yield_now().await;
}

#[underscore_route]
async fn second_without_first(State(app): A) {
    let second = app.second.lock().await;
    yield_now().await;
    drop(second);
    let first = app.first.lock().await;
    yield_now().await;
    drop(first);
}

#[underscore_frame]
async fn under_permit(app: &App) {
    let shared = app.shared.read().await;
    yield_now().await;
    drop(shared);
    let mut shared = app.shared.write().await;
    *shared += 1;
    yield_now().await;
}

#[underscore_route]
async fn permit_then_all(State(app): A) {
    let permit = app.permits.acquire().await.expect("open");
    let first = app.first.lock().await;
    under_permit(&app).await;
    drop((permit, first));
}

#[underscore_route]
async fn write_then_read(State(app): A) {
    let permit = app.permits.acquire().await.expect("open");
    let shared = app.shared.write().await;
    yield_now().await;
    let shared = shared.downgrade();
    yield_now().await;
    drop((permit, shared));
}

/// Holds 15.8, 15.9 of docs/admin-api.md.
// Takes `MINUTES` minutes if that is set.
#[test]
fn a_busy_service_has_no_deadlock() {
    static DONE: AtomicU64 = AtomicU64::new(0);
    own_process!();
    let minutes = std::env::var("MINUTES")
        .ok()
        .and_then(|minutes| minutes.parse().ok());
    let time = minutes.map_or(Duration::from_secs(3), |minutes: u64| {
        Duration::from_secs(60 * minutes)
    });
    let looker = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let app = App {
        first: Arc::default(),
        second: Arc::default(),
        shared: Arc::default(),
        permits: Arc::new(Semaphore::new(4)),
    };
    let router = Router::new()
        .route("/0", get(first_then_second))
        .route("/1", get(second_without_first))
        .route("/2", get(permit_then_all))
        .route("/3", get(write_then_read))
        .with_state(app);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    for client in 0..60 {
        let router = router.clone();
        runtime.spawn(async move {
            loop {
                let request = Request::get(format!("/{}", client % 4)).body(Body::empty());
                let answer = router.clone().oneshot(request.expect("a request")).await;
                assert!(answer.expect("infallible").status().is_success());
                DONE.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let (mut looks, mut rows) = (0_u64, 0_u64);
    let begun = Instant::now();
    while begun.elapsed() < time {
        let text = looker.block_on(async {
            let request = Request::get("/_cat/waits?h=resource,held,holders,verdict")
                .header("host", "localhost")
                .body(Body::empty());
            let answer = admin_router().oneshot(request.expect("a request")).await;
            let body = answer.expect("infallible").into_body();
            let bytes = axum::body::to_bytes(body, usize::MAX)
                .await
                .expect("a body");
            String::from_utf8(bytes.to_vec()).expect("text")
        });
        looks += 1;
        rows += text.lines().count() as u64;
        assert!(!text.contains("deadlock"), "after {looks} looks:\n{text}");
    }
    let done = DONE.load(Ordering::Relaxed);
    println!("{looks} looks, {rows} rows, {done} requests");
    assert!(
        looks > 10 && done > 100 && rows > 10,
        "{looks} looks, {rows} rows, {done} requests"
    );
    runtime.shutdown_background();
}
