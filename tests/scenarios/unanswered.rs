//! Requests that wait for an answer that does not come.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use tokio::sync::{Semaphore, mpsc, oneshot};
use underscore_runtime::{RequestLayer, spawn, underscore_frame, underscore_route};

use crate::support::{Service, process::own_process};
use crate::tables::{TASKS, health, is_green, shows};
use crate::{send, statuses};

/// A job, and where its answer is sent.
type Job = (u32, oneshot::Sender<u32>);

#[underscore_frame]
async fn work(mut jobs: mpsc::Receiver<Job>) {
    let mut unanswered = Vec::new();
    loop {
        let job = jobs.recv().await; // jobs
        let Some((number, answer)) = job else { return };
        if number % 2 == 0 {
            let _ = answer.send(number / 2);
        } else {
            // The case that was forgotten.
            unanswered.push(answer);
        }
    }
}

#[underscore_route(get, "/half/{number}", name = "half")]
async fn half(State(jobs): State<mpsc::Sender<Job>>, Path(number): Path<u32>) -> String {
    let (answer, answered) = oneshot::channel();
    jobs.send((number, answer)).await.expect("it works");
    answered.await.expect("an answer").to_string() // answer
}

#[tokio::test]
async fn a_oneshot_is_never_answered() {
    own_process!();
    let (jobs, received) = mpsc::channel(8);
    drop(spawn("worker", work(received)));
    let app = Router::new()
        .route("/half/{number}", get(half))
        .with_state(jobs);
    let service = Service::start(app).await;
    for _ in 0..20 {
        assert_eq!(service.get("/half/8").await.status, 200);
    }
    let clients = [(); 3].map(|()| send(&service, "/half/7"));
    service.wait_for_waiting("half", 3).await;
    shows(
        &service,
        TASKS,
        "id path           where                awaiting    holding
          1 -              unanswered.rs:jobs   jobs.recv() -
         22 /half/{number} unanswered.rs:answer answered    -
         23 /half/{number} unanswered.rs:answer answered    -
         24 /half/{number} unanswered.rs:answer answered    -",
    )
    .await;
    health(
        &service,
        "yellow stuck /half/{number} TIME 3 wait at unanswered.rs:answer answered, \
         none has passed since; probably what they wait for does not answer \
         GET /_cat/stacks/half?v",
    )
    .await;
    service.post("_routes/half/interrupt").await.ok_json();
    assert_eq!(statuses(clients).await, [503; 3]);
    is_green(&service).await;
}

/// A service that does not answer.
type Dead = Arc<Semaphore>;

#[underscore_frame]
async fn auth(State(users): State<Dead>, request: Request, next: Next) -> Response {
    let user = users.acquire().await; // users
    user.expect("open").forget();
    next.run(request).await
}

#[underscore_route(get, "/account", name = "account")]
async fn account() -> &'static str {
    "account"
}

#[tokio::test]
async fn a_middleware_awaits_a_dead_service() {
    own_process!();
    let users = Dead::new(Semaphore::new(0));
    let app = Router::new()
        .route("/account", get(account))
        .layer(from_fn_with_state(users, auth))
        .layer(RequestLayer::new());
    let service = Service::start(app).await;
    let clients = [(); 3].map(|()| send(&service, "/account"));
    service.wait_for_waiting("account", 3).await;
    shows(
        &service,
        "_cat/tasks?v&h=id,path,stage,where,awaiting",
        "id path     stage      where               awaiting
          1 /account middleware unanswered.rs:users users.acquire()
          2 /account middleware unanswered.rs:users users.acquire()
          3 /account middleware unanswered.rs:users users.acquire()",
    )
    .await;
    // The route has not answered yet, so nothing is known of how long it takes.
    is_green(&service).await;
    service.post("_routes/account/interrupt").await.ok_json();
    assert_eq!(statuses(clients).await, [503; 3]);
    is_green(&service).await;
}

#[tokio::test]
async fn a_closure_hangs() {
    own_process!();
    let app = Router::new()
        .route(
            "/closure",
            get(|| async { std::future::pending::<()>().await }),
        )
        .layer(RequestLayer::new());
    let service = Service::start(app).await;
    let client = send(&service, "/closure");
    let path = "_cat/tasks?format=json&h=path";
    while crate::tables::rows(&service, path).await.is_empty() {
        tokio::task::yield_now().await;
    }
    shows(
        &service,
        "_cat/tasks?v&h=id,path,stage,where",
        "id path     stage   where
          1 /closure service -",
    )
    .await;
    service.post("_tasks/1/_cancel").await.ok_json();
    assert_eq!(statuses([client]).await, [503]);
    is_green(&service).await;
}

#[underscore_route(get, "/price", name = "price")]
async fn price(State(prices): State<Dead>) {
    let price = prices.acquire().await; // price
    price.expect("open").forget();
}

#[underscore_route(get, "/healthz", name = "healthz")]
async fn healthz() {}

#[tokio::test]
async fn one_route_has_a_slow_dependency() {
    own_process!();
    let prices = Dead::new(Semaphore::new(20));
    let app = Router::new()
        .route("/price", get(price))
        .route("/healthz", get(healthz));
    let service = Service::start(app.with_state(prices)).await;
    for _ in 0..20 {
        assert_eq!(service.get("/price").await.status, 200);
    }
    let clients = [(); 20].map(|()| send(&service, "/price"));
    service.wait_for_waiting("price", 20).await;
    assert_eq!(service.get("/healthz").await.status, 200);
    shows(
        &service,
        "_cat/stacks?v&h=count,path,where",
        "count path   where
            20 /price unanswered.rs:price",
    )
    .await;
    health(
        &service,
        "yellow stuck /price TIME 20 wait at unanswered.rs:price prices.acquire(), \
         none has passed since; probably what they wait for does not answer \
         GET /_cat/stacks/price?v",
    )
    .await;
    service.post("_routes/price/interrupt").await.ok_json();
    assert_eq!(statuses(clients).await, [503; 20]);
    is_green(&service).await;
}
