//! Requests that wait for permits and connections of each other.

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use deadpool::unmanaged::Pool;
use tokio::sync::{Barrier, Semaphore};
use underscore_runtime::{underscore_frame, underscore_route};

use crate::support::{Service, process::own_process};
use crate::tables::{TASKS, WAITS, cure, health, is_green, rows, shows};
use crate::{send, statuses};

#[underscore_route(get, "/twice", name = "twice")]
async fn twice(State(permits): State<Arc<Semaphore>>) {
    let _first = permits.acquire().await.expect("open"); // first
    let _second = permits.acquire().await.expect("open"); // second
}

#[tokio::test]
async fn a_semaphore_is_taken_twice() {
    own_process!();
    let app = Router::new().route("/twice", get(twice));
    let permits = Arc::new(Semaphore::new(0));
    let service = Service::start(app.with_state(permits.clone())).await;
    let mut clients = Vec::new();
    for number in 1..=5 {
        clients.push(send(&service, "/twice"));
        service.wait_for_waiting("twice", number).await;
    }
    // The requests wait in line, so each of the first three gets one.
    permits.add_permits(3);
    shows(
        &service,
        TASKS,
        "id path   where           awaiting          holding
          1 /twice pools.rs:second permits.acquire() permits.acquire() pools.rs:first
          2 /twice pools.rs:second permits.acquire() permits.acquire() pools.rs:first
          3 /twice pools.rs:second permits.acquire() permits.acquire() pools.rs:first
          4 /twice pools.rs:first  permits.acquire() -
          5 /twice pools.rs:first  permits.acquire() -",
    )
    .await;
    shows(
        &service,
        WAITS,
        "resource type            waiting held holders taken          verdict
         permits  tokio Semaphore       5    3 1,2,3   pools.rs:first likely deadlock: all 3 known holders wait for it too",
    )
    .await;
    health(
        &service,
        "red deadlock /twice TIME probably all 3 known holders of permits.acquire() wait for it; \
         2 more wait behind them \
         POST /_routes/twice/interrupt",
    )
    .await;
    cure(&service).await;
    assert!(are_ended(&statuses(clients).await));
    is_green(&service).await;
}

/// The number of a connection.
type Connections = Pool<u32>;

#[derive(Clone)]
struct Shop {
    db: Connections,
    both: Arc<Barrier>,
}

#[underscore_frame]
async fn audit(shop: &Shop, order: u32) {
    let connection = shop.db.get().await.expect("open"); // audit
    drop((connection, order));
}

#[underscore_route(get, "/order", name = "order")]
async fn order(State(shop): State<Shop>) {
    let connection = shop.db.get().await.expect("open"); // order
    shop.both.wait().await;
    audit(&shop, *connection).await;
}

#[underscore_route(get, "/orders", name = "orders")]
async fn orders(State(shop): State<Shop>) -> String {
    let connection = shop.db.get().await.expect("open"); // orders
    connection.to_string()
}

/// True if at least one was interrupted. What that releases may complete another one, before its
/// own interrupt reaches it.
fn are_ended(statuses: &[u16]) -> bool {
    statuses.contains(&503) && statuses.iter().all(|status| matches!(status, 200 | 503))
}

#[tokio::test]
async fn a_pool_of_connections_is_taken_twice() {
    own_process!();
    let shop = Shop {
        db: Pool::from(vec![1, 2]),
        both: Arc::new(Barrier::new(2)),
    };
    let app = Router::new()
        .route("/order", get(order))
        .route("/orders", get(orders));
    let service = Service::start(app.with_state(shop)).await;
    let ordering = [(); 2].map(|()| send(&service, "/order"));
    service.wait_for_await("order", "shop.db.get()").await;
    service.wait_for_waiting("order", 2).await;
    let listing = send(&service, "/orders");
    service.wait_for_await("orders", "shop.db.get()").await;
    shows(
        &service,
        TASKS,
        "id path    where           awaiting      holding
          1 /order  pools.rs:audit  shop.db.get() shop.db.get() pools.rs:order
          2 /order  pools.rs:audit  shop.db.get() shop.db.get() pools.rs:order
          3 /orders pools.rs:orders shop.db.get() -",
    )
    .await;
    shows(
        &service,
        WAITS,
        "resource type          waiting held holders taken          verdict
         db       deadpool pool       3    2 1,2     pools.rs:order likely deadlock: all 2 known holders wait for it too",
    )
    .await;
    health(
        &service,
        "red deadlock /order TIME probably all 2 known holders of shop.db.get() wait for it; \
         1 more waits behind them POST /_routes/order/interrupt",
    )
    .await;
    cure(&service).await;
    is_green(&service).await;
    assert!(are_ended(&statuses(ordering).await));
    assert_eq!(statuses([listing]).await, [200]);
}

/// Time of a query.
const QUERY: Duration = Duration::from_millis(2);

#[underscore_frame]
async fn query(connections: &Connections) -> u32 {
    let connection = connections.get().await.expect("open");
    tokio::time::sleep(QUERY).await;
    *connection
}

#[underscore_route(get, "/page", name = "page")]
async fn page(State(connections): State<Connections>) -> String {
    let one = query(&connections).await;
    let other = query(&connections).await;
    (one + other).to_string()
}

/// Time of the load: some seconds, or `MINUTES`.
fn duration() -> Duration {
    let minutes = env::var("MINUTES").map(|minutes| minutes.parse().expect("a number"));
    minutes.map_or(Duration::from_secs(4), |minutes: u64| {
        Duration::from_secs(60 * minutes)
    })
}

/// Forty clients share ten connections, so that three in four requests wait at each moment. That is
/// load and no incident.
#[tokio::test]
async fn a_pool_of_ten_under_honest_load_is_green() {
    own_process!();
    let app = Router::new().route("/page", get(page));
    let service =
        Service::start_on_workers(2, app.with_state(Pool::from((0..10).collect::<Vec<_>>()))).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let served = Arc::new(AtomicU64::new(0));
    let clients = [(); 40].map(|()| {
        let (is_over, served) = (is_over.clone(), served.clone());
        let client = reqwest::Client::new();
        let url = service.url("/page");
        tokio::spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                let answer = client.get(&url).send().await.expect("an answer");
                assert_eq!(answer.status(), 200);
                served.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    let end = Instant::now() + duration();
    let (mut looks, mut waits) = (0, 0);
    while Instant::now() < end || looks < 10 {
        let health = rows(&service, "_cat/health?format=json").await;
        assert_eq!(health[0]["status"], "green", "{health:#?}");
        for wait in rows(&service, "_cat/waits?format=json&h=*").await {
            let verdict = wait["verdict"].as_str().unwrap_or_default();
            assert!(!verdict.contains("deadlock"), "{wait:#}");
            waits += 1;
        }
        looks += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    is_over.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.expect("no failure");
    }
    let served = served.load(Ordering::Relaxed);
    println!("{looks} looks, {waits} rows of waits, {served} requests");
    assert!(waits >= 10 && served > 100);
    is_green(&service).await;
}
