//! Awaits that nobody passes.

use std::time::Duration;

use axum::Router;
use axum::extract::Query;
use axum::response::sse::{Event, Sse};
use futures_util::stream;
use reqwest::Method;
use serde::Deserialize;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use underscore_runtime::{RouterExt as _, spawn, underscore_frame, underscore_route};

use crate::support::Service;
use crate::support::process::own_process;
use crate::{line_of, stays_green, text, wait_for, wait_for_green};

static ANSWERS: Semaphore = Semaphore::const_new(25);

#[underscore_frame]
async fn pool_get() {
    ANSWERS.acquire().await.expect("never closed").forget(); // the dependency
}

#[underscore_route(get, "/pay", name = "pay")]
async fn pay() {
    pool_get().await;
}

#[underscore_route(get, "/other", name = "other")]
async fn other() {
    tokio::task::yield_now().await;
}

type Sent = JoinHandle<reqwest::Result<reqwest::Response>>;

fn send(service: &Service, path: &str, times: usize) -> Vec<Sent> {
    let send = |_| tokio::spawn(service.request(Method::GET, path).send());
    (0..times).map(send).collect()
}

/// Holds 14.11, 14.12 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dependency_that_does_not_answer_is_found_behind_its_route() {
    own_process!();
    let service = Service::start(Router::new().mount(pay).mount(other)).await;
    for _ in 0..25 {
        service.get("/pay").await;
    }
    let sent = send(&service, "/pay", 40);
    let stuck = wait_for(&service, |row| {
        // The other route is served meanwhile.
        row["symptom"] == "stuck"
    })
    .await;
    assert_eq!(service.get("/other").await.status, 200);
    assert_eq!(
        (&stuck["status"], &stuck["subject"]),
        (&"yellow".into(), &"/pay".into())
    );
    assert_eq!(stuck["affected"], 40, "{stuck:#}");
    let line = line_of(include_str!("stuck.rs"), "the dependency");
    let place =
        format!("40 wait at tests/health/stuck.rs:{line} ANSWERS.acquire(), none has passed since");
    assert!(text(&stuck, "evidence").starts_with(&place), "{stuck:#}");
    assert!(text(&stuck, "evidence").contains("probably"), "{stuck:#}");
    assert_eq!(stuck["next"], "GET /_cat/stacks/pay?v");
    assert!(stuck["since"].as_f64() >= Some(10.0), "{stuck:#}");
    ANSWERS.add_permits(40);
    for sent in sent {
        sent.await.expect("no panic").expect("an answer");
    }
    wait_for_green(&service).await;
}

static EVENTS: Notify = Notify::const_new();
static CONSUMED: Semaphore = Semaphore::const_new(0);

#[derive(Deserialize)]
struct Poll {
    wait: Option<bool>,
}

#[underscore_route(get, "/events", name = "events")]
async fn long_poll(Query(poll): Query<Poll>) {
    if poll.wait.is_some() {
        EVENTS.notified().await;
    }
}

#[underscore_route(get, "/first", name = "first")]
async fn first_event() {
    CONSUMED.acquire().await.expect("never closed").forget();
}

#[underscore_route(get, "/stream", name = "stream")]
async fn events() -> Sse<stream::Pending<Result<Event, std::io::Error>>> {
    Sse::new(stream::pending())
}

static BUSY: Semaphore = Semaphore::const_new(0);

#[underscore_route(get, "/busy", name = "busy")]
async fn busy(Query(poll): Query<Poll>) {
    if poll.wait.is_some() {
        // Some requests are slow by themselves.
        BUSY.acquire().await.expect("never closed").forget();
    }
    tokio::time::sleep(Duration::from_millis(2)).await;
}

/// Holds 14.11, 14.12 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_by_design_is_green() {
    own_process!();
    let app = Router::new().mount(long_poll).mount(first_event);
    let app = app.mount(events).mount(busy);
    let service = Service::start(app).await;
    // A route that was fast so far, and waits for an event now.
    for _ in 0..25 {
        service.get("/events").await;
    }
    let mut sent = send(&service, "/events?wait=true", 20);
    // Clients that wait for the first event since the start.
    sent.extend(send(&service, "/first", 20));
    sent.extend(send(&service, "/stream", 20));
    // A few slow requests among many.
    sent.extend(send(&service, "/busy?wait=true", 5));
    // The consumer of a queue without messages.
    let consumers: Vec<_> = (0..5)
        .map(|_| spawn("consumer", async { CONSUMED.acquire().await.map(drop) }))
        .collect();
    let traffic = async {
        loop {
            service.get("/busy").await;
        }
    };
    tokio::select! {
        () = traffic => {}
        () = stays_green(&service, Duration::from_secs(14)) => {}
    }
    consumers.iter().for_each(JoinHandle::abort);
    drop(sent);
}

static GATE: Semaphore = Semaphore::const_new(30);

async fn unannotated() {
    GATE.acquire().await.expect("never closed").forget();
}

/// Holds 14.11 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_stuck_in_unannotated_code_are_found_by_their_route() {
    own_process!();
    let app = Router::new().route("/plain", axum::routing::get(unannotated));
    let service = Service::start(app.layer(underscore_runtime::RequestLayer::new())).await;
    for _ in 0..30 {
        service.get("/plain").await;
    }
    let sent = send(&service, "/plain", 4);
    let stuck = wait_for(&service, |row| row["symptom"] == "stuck").await;
    assert_eq!(stuck["subject"], "/plain");
    let evidence = "4 wait at an await that is not known: no annotated function is around it; \
                    probably what they wait for does not answer";
    assert_eq!(stuck["evidence"], evidence);
    let id = text(&stuck, "route_id");
    assert_eq!(stuck["next"], format!("GET /_cat/stacks/{id}?v"));
    GATE.add_permits(4);
    for sent in sent {
        sent.await.expect("no panic").expect("an answer");
    }
    wait_for_green(&service).await;
}
