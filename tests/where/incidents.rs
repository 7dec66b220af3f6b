//! Published incidents as small services: the tables during each, and the call that ends it.
//! docs/reliability.md lists them; some have a test elsewhere, which is named there.

use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use reqwest::Method;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::sync::{Barrier, Mutex, RwLock, Semaphore, oneshot};
use tokio::task::JoinHandle;
use underscore_runtime::underscore_route;

use crate::support::{PATIENCE, Service};

static NEVER: Semaphore = Semaphore::const_new(0);

async fn never() {
    NEVER.acquire().await.expect("never closed").forget();
}

/// Sends a request and returns its status.
fn send(service: &Service, path: &str) -> JoinHandle<u16> {
    let sent = service.request(Method::GET, path).send();
    tokio::spawn(async { sent.await.expect("an answer").status().as_u16() })
}

/// Waits until the route has `count` tasks, all of which wait at this await.
async fn wait_for(service: &Service, route: &str, awaiting: &str, count: usize) -> Vec<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let tasks = service.tasks(route).await;
        let stands = |task: &&Value| task["awaiting"] == awaiting && task["state"] == "waiting";
        if tasks.len() == count && tasks.iter().filter(stands).count() == count {
            return tasks;
        }
        assert!(
            Instant::now() < deadline,
            "{count} at {awaiting}: {tasks:#?}"
        );
        tokio::task::yield_now().await;
    }
}

async fn interrupt(service: &Service, route: &str, count: u64) {
    let report = service
        .post(&format!("_routes/{route}/interrupt"))
        .await
        .ok_json();
    assert_eq!(report["interrupted"], count, "{report:#}");
    assert_eq!(report["still_running"], 0, "{report:#}");
}

static STOCK: Mutex<u8> = Mutex::const_new(0);
static ORDERS: Mutex<u8> = Mutex::const_new(0);

async fn both_have_one() {
    static BOTH: std::sync::LazyLock<Barrier> = std::sync::LazyLock::new(|| Barrier::new(2));
    BOTH.wait().await;
}

#[underscore_route(name = "sells")]
async fn sells() {
    let _stock = STOCK.lock().await;
    both_have_one().await;
    let _orders = ORDERS.lock().await;
}

#[underscore_route(name = "orders")]
async fn orders() {
    let _orders = ORDERS.lock().await;
    both_have_one().await;
    let _stock = STOCK.lock().await;
}

#[tokio::test]
async fn two_routes_that_take_two_locks_in_two_orders() {
    let app = Router::new()
        .route("/sells", get(sells))
        .route("/orders", get(orders));
    let service = Service::start(app).await;
    let clients = [send(&service, "/sells"), send(&service, "/orders")];
    wait_for(&service, "sells", "ORDERS.lock()", 1).await;
    wait_for(&service, "orders", "STOCK.lock()", 1).await;
    interrupt(&service, "sells", 1).await;
    let [sells, orders] = clients;
    assert_eq!(
        (sells.await.expect("ended"), orders.await.expect("ended")),
        (503, 200)
    );
}

static POOL: Semaphore = Semaphore::const_new(1);

#[underscore_route(name = "takes_two")]
async fn takes_two() {
    let _first = POOL.acquire().await.expect("open");
    let _second = POOL.acquire().await.expect("open"); // the second one
}

#[tokio::test]
async fn a_pool_of_which_one_request_takes_two() {
    let service = Service::start(Router::new().route("/", get(takes_two))).await;
    let client = send(&service, "/");
    let task = &wait_for(&service, "takes_two", "POOL.acquire()", 1).await[0];
    let source = include_str!("incidents.rs").lines();
    let line = source
        .zip(1..)
        .find(|(line, _)| line.ends_with("// the second one"));
    let place = format!("tests/where/incidents.rs:{}", line.expect("it is there").1);
    assert_eq!(task["where"], place.as_str());
    interrupt(&service, "takes_two", 1).await;
    assert_eq!(
        (client.await.expect("ended"), POOL.available_permits()),
        (503, 1)
    );
}

#[underscore_route(name = "upgrades_a_lock")]
async fn upgrades_a_lock() {
    static CACHE: RwLock<u8> = RwLock::const_new(0);
    let _read = CACHE.read().await;
    let _write = CACHE.write().await;
}

#[tokio::test]
async fn a_lock_that_is_read_and_then_written() {
    let service = Service::start(Router::new().route("/", get(upgrades_a_lock))).await;
    let client = send(&service, "/");
    wait_for(&service, "upgrades_a_lock", "CACHE.write()", 1).await;
    interrupt(&service, "upgrades_a_lock", 1).await;
    assert_eq!(client.await.expect("ended"), 503);
}

static SLOWLY: Mutex<u8> = Mutex::const_new(0);

#[underscore_route(name = "holds")]
async fn holds() {
    let _held = SLOWLY.lock().await;
    never().await;
}

#[underscore_route(name = "waits")]
async fn waits() {
    drop(SLOWLY.lock().await);
}

#[tokio::test]
async fn a_lock_that_is_held_across_a_slow_await() {
    let app = Router::new()
        .route("/holds", get(holds))
        .route("/waits", get(waits));
    let service = Service::start(app).await;
    let holder = send(&service, "/holds");
    wait_for(&service, "holds", "never()", 1).await;
    let waiting = [(); 3].map(|()| send(&service, "/waits"));
    wait_for(&service, "waits", "SLOWLY.lock()", 3).await;
    let stacks = service
        .admin_json("_cat/stacks/waits,holds?format=json")
        .await;
    let counts: Vec<_> = stacks
        .as_array()
        .expect("a table")
        .iter()
        .map(|row| &row["count"])
        .collect();
    assert_eq!(counts, [3, 1]);
    interrupt(&service, "holds", 1).await;
    assert_eq!(holder.await.expect("ended"), 503);
    for client in waiting {
        assert_eq!(
            client.await.expect("ended"),
            200,
            "one interrupt frees all of them"
        );
    }
}

#[underscore_route(name = "futurelock")]
async fn futurelock() {
    static LOCK: Mutex<u8> = Mutex::const_new(0);
    let mut kept = Box::pin(async {
        let _held = LOCK.lock().await;
        tokio::task::yield_now().await;
    });
    tokio::select! {
        biased;
        () = &mut kept => {}
        () = std::future::ready(()) => {}
    }
    let _again = LOCK.lock().await;
    kept.await;
}

#[tokio::test]
async fn a_guard_in_a_future_that_select_no_longer_polls() {
    let service = Service::start(Router::new().route("/", get(futurelock))).await;
    let client = send(&service, "/");
    let task = &wait_for(&service, "futurelock", "LOCK.lock()", 1).await[0];
    let kept = task["kept"].as_str().expect("what holds it");
    assert!(kept.contains("yield_now()"), "{kept}");
    interrupt(&service, "futurelock", 1).await;
    assert_eq!(client.await.expect("ended"), 503);
}

#[underscore_route(name = "unanswered")]
async fn unanswered() {
    let (kept, receiver) = oneshot::channel::<u8>();
    let _ = receiver.await;
    drop(kept);
}

#[tokio::test]
async fn a_oneshot_that_is_never_answered() {
    let service = Service::start(Router::new().route("/", get(unanswered))).await;
    let client = send(&service, "/");
    wait_for(&service, "unanswered", "receiver", 1).await;
    interrupt(&service, "unanswered", 1).await;
    assert_eq!(client.await.expect("ended"), 503);
}

/// Number of futures that hang without an attribute.
static UNSEEN: Semaphore = Semaphore::const_new(0);

async fn hangs_unseen() {
    UNSEEN.add_permits(1);
    never().await;
}

async fn dead_auth(request: Request, next: Next) -> Response {
    hangs_unseen().await;
    next.run(request).await
}

#[underscore_route(name = "behind_auth")]
async fn behind_auth() {}

/// Not visible to the attribute.
#[tokio::test]
async fn a_middleware_and_a_closure_that_hang_are_in_no_table() {
    let app = Router::new()
        .route("/behind", get(behind_auth))
        .layer(from_fn(dead_auth))
        .route("/closure", get(hangs_unseen));
    let service = Service::start(app).await;
    let waiting = ["/behind", "/closure"].map(|path| send(&service, path));
    let both = UNSEEN.acquire_many(2).await;
    both.expect("never closed").forget();
    assert!(service.tasks("behind_auth").await.is_empty());
    assert_eq!(service.route("behind_auth").await["stats.req.total"], 0);
    for client in waiting {
        client.abort();
    }
}

#[underscore_route(name = "upload")]
async fn upload(body: Bytes) -> String {
    body.len().to_string()
}

#[tokio::test]
async fn an_upload_that_comes_slowly() {
    let service = Service::start(Router::new().route("/", post(upload))).await;
    let mut connection = service.connect().await;
    let head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf";
    connection.write_all(head).await.expect("written");
    wait_for(&service, "upload", "body: Bytes", 1).await;
    interrupt(&service, "upload", 1).await;
    let answer = crate::support::talk(&mut connection, "", "}\n").await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
}

#[underscore_route(name = "dependent")]
async fn dependent() {
    never().await;
}

#[tokio::test]
async fn a_slow_dependency_behind_one_route_and_a_burst_of_disconnects() {
    let service = Service::start(Router::new().route("/", get(dependent))).await;
    let clients = [(); 5].map(|()| send(&service, "/"));
    wait_for(&service, "dependent", "never()", 5).await;
    let stacks = service
        .admin_json("_cat/stacks/dependent?format=json")
        .await;
    assert_eq!(
        (stacks.as_array().map(Vec::len), &stacks[0]["count"]),
        (Some(1), &5.into())
    );
    interrupt(&service, "dependent", 5).await;
    for client in clients {
        assert_eq!(client.await.expect("ended"), 503);
    }
    let leaving = [(); 5].map(|()| send(&service, "/"));
    wait_for(&service, "dependent", "never()", 5).await;
    for client in leaving {
        client.abort();
    }
    let ends = [("interrupted", 5), ("disconnected", 5)];
    service.wait_for_ends("dependent", &ends).await;
}

#[underscore_route(name = "sometimes")]
async fn sometimes(request: Request) -> StatusCode {
    assert!(request.uri().query().is_none(), "one of many");
    StatusCode::OK
}

#[tokio::test]
async fn a_panic_in_one_of_many_requests() {
    let service = Service::start(Router::new().route("/", get(sometimes))).await;
    for _ in 0..20 {
        assert_eq!(service.get("/").await.status, 200);
    }
    service
        .request(Method::GET, "/?panic")
        .send()
        .await
        .expect_err("no answer");
    let ends = [("completed", 20), ("panicked", 1)];
    service.wait_for_ends("sometimes", &ends).await;
}
