//! Ends of requests that nobody wants.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::routing::get;
use reqwest::Method;
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use underscore_runtime::underscore_route;

use crate::send;
use crate::support::{Service, process::own_process};
use crate::tables::{is_green, shows};

#[underscore_route(get, "/search", name = "search")]
async fn search(State(index): State<Arc<Semaphore>>) {
    let found = index.acquire().await; // index
    found.expect("open").forget();
}

#[tokio::test]
async fn many_clients_disconnect_at_once() {
    own_process!();
    let index = Arc::new(Semaphore::new(100));
    let app = Router::new().route("/search", get(search));
    let service = Service::start(app.with_state(index)).await;
    for _ in 0..100 {
        assert_eq!(service.get("/search").await.status, 200);
    }
    // The index answers no more, and all clients leave at the same moment.
    let clients = [(); 50].map(|()| send(&service, "/search"));
    service.wait_for_waiting("search", 50).await;
    clients.iter().for_each(JoinHandle::abort);
    let ends = [("completed", 100), ("disconnected", 50)];
    service.wait_for_ends("search", &ends).await;
    shows(
        &service,
        "_cat/routes/search?v&h=path,active,completed,disconnected",
        "path    active completed disconnected
         /search      0       100           50",
    )
    .await;
    // The first minute of a process has nothing before it to be compared with.
    is_green(&service).await;
}

#[derive(Deserialize)]
struct Amount {
    cents: u64,
    parts: u64,
}

#[underscore_route(get, "/split", name = "split")]
async fn split(Query(amount): Query<Amount>) -> String {
    (amount.cents / amount.parts).to_string() // split
}

#[tokio::test]
async fn one_of_a_thousand_requests_panics() {
    own_process!();
    let service = Service::start(Router::new().route("/split", get(split))).await;
    let client = reqwest::Client::new();
    for number in 0..1000 {
        let parts = u64::from(number != 700);
        let url = service.url(&format!("/split?cents=100&parts={parts}"));
        let answer = client.request(Method::GET, url).send().await;
        assert_eq!(answer.is_ok(), parts == 1);
    }
    shows(
        &service,
        "_cat/ended?v&h=id,method,path,end,panic",
        " id method path   end      panic
         701 GET    /split panicked attempt to divide by zero",
    )
    .await;
    is_green(&service).await;
}
