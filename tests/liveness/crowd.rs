//! Ten thousand tasks start and end per second.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use serde_json::Value;
use tower::ServiceExt;
use underscore_runtime::{track, underscore_route};

use super::{READS, service_answers_soon, turn};
use crate::support::Service;

/// Tasks per millisecond, half of them requests.
const REQUESTS: u64 = 5;
const CHORES: u64 = 5;

/// Limit of concurrent tasks on a slow machine.
const MOST_ALIVE: usize = 200;

/// Duration of the load.
const FOR: Duration = Duration::from_secs(3);

#[underscore_route(name = "short_lived")]
async fn short_lived() {
    // Long enough for some of them to be listed.
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// Starts tasks at that rate on the current runtime and returns their number.
async fn come_and_go(app: Router, go_on: Arc<AtomicBool>, chores: Arc<AtomicU64>) -> u64 {
    let mut requests = 0;
    let mut ticks = tokio::time::interval(Duration::from_millis(1));
    let mut running = tokio::task::JoinSet::new();
    while go_on.load(Ordering::Relaxed) {
        ticks.tick().await;
        while running.try_join_next().is_some() {}
        if running.len() > MOST_ALIVE {
            continue;
        }
        for _ in 0..REQUESTS {
            let request = Request::get("/short_lived").body(Body::empty());
            let answer = app.clone().oneshot(request.expect("a request"));
            running.spawn(async { drop(answer.await) });
        }
        requests += REQUESTS;
        for _ in 0..CHORES {
            let chores = Arc::clone(&chores);
            running.spawn(async move {
                let done = track("short", tokio::task::yield_now()).await;
                done.expect("nobody interrupts it");
                chores.fetch_add(1, Ordering::Relaxed);
            });
        }
    }
    while running.join_next().await.is_some() {}
    requests
}

/// The ids of all tasks in a listing of any shape.
fn ids(rows: &Value) -> Vec<u64> {
    let rows = rows.as_array().expect("a table").iter();
    rows.map(|row| row["id"].as_u64().expect("a number"))
        .collect()
}

#[tokio::test]
async fn it_answers_while_ten_thousand_tasks_a_second_come_and_go() {
    let _turn = turn().await;
    let app = Router::new().route("/short_lived", get(short_lived));
    let service = Service::start_on_workers(2, Router::new()).await;
    let go_on = Arc::new(AtomicBool::new(true));
    let chores = Arc::new(AtomicU64::new(0));
    let traffic =
        service.spawn_on_workers(come_and_go(app, Arc::clone(&go_on), Arc::clone(&chores)));
    let begun = Instant::now();
    let (mut last, mut gone) = (HashSet::new(), HashSet::new());
    let mut listings = 0;
    while begun.elapsed() < FOR {
        service_answers_soon(&service).await;
        let listed = ids(&service.admin_json("_cat/tasks?format=json&h=id").await);
        let distinct: HashSet<_> = listed.iter().collect();
        assert_eq!(distinct.len(), listed.len(), "twice in one listing");
        let distinct: HashSet<u64> = distinct.into_iter().copied().collect();
        gone.extend(last.difference(&distinct));
        assert!(gone.is_disjoint(&distinct), "an id came back");
        last = distinct;
        listings += READS.len() + 1;
    }
    go_on.store(false, Ordering::Relaxed);
    let requests = traffic.await.expect("no panic");
    let lasted = begun.elapsed().as_secs_f64();
    let chores = chores.load(Ordering::Relaxed);
    println!(
        "{requests} requests and {chores} others in {lasted:.1} s, and {listings} listings beside them"
    );
    assert!(requests >= 1_000, "it was no crowd: {requests}");
    assert_eq!(chores, requests);
    service
        .wait_for_ends("short_lived", &[("completed", requests)])
        .await;
    assert!(service.tasks("short_lived").await.is_empty());
    assert!(service.tasks("short").await.is_empty());
}
