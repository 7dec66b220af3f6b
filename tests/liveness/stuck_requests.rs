//! Ten thousand requests stuck at one await, over real sockets, are one line of `_cat/stacks` and
//! end with one call.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use reqwest::Client;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use underscore_runtime::underscore_route;

use crate::support::process::own_process;
use crate::support::{PATIENCE, Service};
use crate::turn;

const CROWD: usize = 10_000;

/// Concurrent streams per HTTP/2 connection.
const STREAMS: usize = 200;

#[underscore_route(name = "crowd")]
async fn crowd(State(gate): State<Arc<Semaphore>>) {
    let _permit = gate.acquire().await; // stuck
}

#[tokio::test]
async fn ten_thousand_stuck_requests_are_one_line_and_one_call_ends_them() {
    let _turn = turn().await;
    own_process!();
    let gate = Arc::new(Semaphore::new(0));
    let app = Router::new().route("/", get(crowd)).with_state(gate);
    let service = Service::start_on_workers(2, app).await;
    let url = service.url("/");
    let mut clients = JoinSet::new();
    for _ in 0..CROWD / STREAMS {
        let connection = Client::builder().http2_prior_knowledge().build();
        let connection = connection.expect("a client");
        for _ in 0..STREAMS {
            let request = connection.get(&url).send();
            clients.spawn(async move { request.await.expect("an answer").status().as_u16() });
        }
    }
    service.wait_for("crowd", "stats.req.active", CROWD).await;
    service.wait_for_waiting("crowd", CROWD).await;

    let lines = service.admin("_cat/stacks/crowd").await.text;
    assert_eq!(lines.lines().count(), 1, "{lines}");
    let fields: Vec<&str> = lines.split_whitespace().collect();
    assert_eq!(fields[0], CROWD.to_string());
    assert!(lines.ends_with("gate.acquire() -\n"), "{lines}");

    let report = service
        .post("_routes/crowd/interrupt?timeout=20s")
        .await
        .ok_json();
    assert_eq!(
        report["interrupted"], CROWD,
        "{} left",
        report["still_running"]
    );
    let deadline = Instant::now() + PATIENCE;
    while let Some(status) = clients.join_next().await {
        assert_eq!(status.expect("no panic"), 503);
        assert!(Instant::now() < deadline, "{} clients wait", clients.len());
    }
    let row = service.wait_for("crowd", "stats.req.active", 0).await;
    assert_eq!(row["stats.end.interrupted"], CROWD);
}
