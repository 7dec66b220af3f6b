//! What happens is an event within a second.

use std::time::{Duration, Instant};

use axum::Router;
use reqwest::Method;
use serde_json::Value;
use underscore_runtime::{RouterExt as _, underscore_route};

use crate::support::Service;
use crate::support::gate::Gate;
use crate::support::process::own_process;
use crate::{Follower, broken, events};

static LOCKED: Gate = Gate::new();

#[underscore_route(get, "/report/{id}", name = "report")]
async fn report() -> &'static str {
    tokio::task::yield_now().await;
    LOCKED.wait();
    "unlocked"
}

/// Holds 16.2, 16.3, 16.4 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_worker_is_an_event_when_it_is_blocked_and_when_it_returns() {
    own_process!();
    let service = Service::start_on_workers(2, Router::new().mount(report)).await;
    let mut follower = Follower::start(&service, "").await;
    let request = service.request(Method::GET, "/report/7?secret=1");
    let sent = tokio::spawn(request.send());
    let blocked = follower.wait_for("blocked").await;
    let task = blocked["task_id"].as_u64().expect("an id");
    assert_eq!(blocked["method"], "GET");
    assert_eq!(blocked["path"], "/report/{id}");
    assert_eq!(blocked["route_id"], service.route("report").await["id"]);
    assert_eq!(blocked["thread"], "tokio-rt-worker");
    let place = blocked["where"].as_str().expect("a line");
    assert!(place.starts_with("tests/events/happening.rs:"), "{place}");
    assert!(blocked["in_poll_for"].as_f64() >= Some(0.1), "{blocked:#}");

    let health = follower.wait_for("health").await;
    assert_eq!(health["symptom"], "blocked worker", "{health:#}");
    assert_eq!(health["subject"], "/report/{id}");
    assert_eq!(health["next"], "GET /_cat/workers?v");
    assert!(health["evidence"].is_string() && health["since"].is_f64());
    assert_eq!(health["route_ids"][0], blocked["route_id"]);

    LOCKED.open();
    let resumed = follower.wait_for("resumed").await;
    assert_eq!(resumed["task_id"], task);
    assert_eq!(resumed["path"], "/report/{id}");
    sent.await.expect("no panic").expect("an answer");
    assert!(
        !format!("{:?}", events(&service, "").await).contains("secret"),
        "no query"
    );
}

#[underscore_route(get, "/pending", name = "pending")]
async fn pending() {
    std::future::pending::<()>().await;
}

/// Holds 16.2, 16.3, 16.4 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_request_its_end_and_the_change_that_ended_it_are_events() {
    own_process!();
    let service = Service::start(Router::new().mount(pending).mount(broken)).await;
    let mut follower = Follower::start(&service, "").await;
    service.set("pending", "slow_after", "50ms").await;
    let change = follower.wait_for("audit").await;
    assert_eq!(change["id"], 1);
    assert_eq!(change["action"], "settings");
    assert_eq!(change["target"], "pending");
    assert_eq!(change["status"], 200);
    assert_eq!(change["pid"], std::process::id());
    assert!(
        change["after"]
            .as_str()
            .is_some_and(|it| it.contains("50ms"))
    );

    let request = service.request(Method::GET, "/pending?secret=1");
    let sent = tokio::spawn(request.header("x-request-id", "r-1").send());
    let slow = follower.wait_for("slow").await;
    assert_eq!(slow["path"], "/pending");
    assert_eq!(slow["state"], "waiting");
    assert_eq!(slow["times"], 1);
    assert_eq!(slow["slow_after"], 0.05);
    assert_eq!(slow["awaiting"], "std::future::pending::<()>()");
    assert_eq!(slow["request_id"], "r-1");

    let reason = "é".repeat(600);
    service
        .post(&format!("_routes/pending/interrupt?reason={reason}"))
        .await
        .ok_json();
    assert_eq!(sent.await.expect("no panic").expect("it").status(), 503);
    let (ended, interrupt) = both(&mut follower, ["ended", "audit"]).await;
    assert_eq!(ended["task_id"], slow["task_id"]);
    assert_eq!(ended["end"], "interrupted");
    assert_eq!(ended["slow"], true);
    let cut = ended["reason"].as_str().expect("a text");
    assert!(cut.len() <= 1_024 + 3 && cut.ends_with('…'), "{cut}");
    assert!(ended["took"].as_f64() >= Some(0.05), "{ended:#}");
    assert_eq!(interrupt["action"], "interrupt");

    crate::fail(&service, 1).await;
    let failed = follower.wait_for("ended").await;
    assert_eq!(failed["status"], 500);
    assert_eq!(failed["end"], "completed");
    assert_eq!(failed["path"], "/broken");
    let record = format!("_ended/{}", failed["task_id"]);
    let record = service.admin_json(&record).await;
    assert_eq!(record["ended"][0]["status"], 500);
    assert!(
        !format!("{:?}", events(&service, "").await).contains("secret"),
        "no query"
    );
}

#[underscore_route(get, "/naps", name = "naps")]
async fn naps() {
    std::thread::sleep(Duration::from_millis(300));
}

/// Holds 16.18 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_is_received_within_a_second_of_its_cause() {
    own_process!();
    let routes = Router::new().mount(naps).mount(broken).mount(pending);
    let service = Service::start_on_workers(2, routes).await;
    let mut follower = Follower::start(&service, "").await;
    let limit = async || service.set("naps", "limit.active", 9).await;
    let is_limit = |event: &Value| event["action"] == "settings";
    received_soon(&mut follower, 3, is_limit, limit).await;
    // Once: further ones of a route within ten seconds are counted.
    let block = async || service.send_and_wait("/naps");
    let is_blocked = |event: &Value| event["type"] == "blocked";
    received_soon(&mut follower, 1, is_blocked, block).await;
    let fail = async || service.send_and_wait("/broken");
    let is_failed = |event: &Value| event["path"] == "/broken";
    received_soon(&mut follower, 3, is_failed, fail).await;
    service.set("pending", "slow_after", "50ms").await;
    let wait = async || service.send_and_wait("/pending");
    let is_slow = |event: &Value| event["type"] == "slow" && event["times"] == 1;
    received_soon(&mut follower, 3, is_slow, wait).await;
}

/// Fails if such an event is received within a second of its cause in none of some attempts: a
/// machine may be busy.
async fn received_soon(
    follower: &mut Follower,
    attempts: usize,
    is_it: impl Fn(&Value) -> bool,
    cause: impl AsyncFn(),
) {
    let mut took = Vec::new();
    while took.len() < attempts {
        let begin = Instant::now();
        cause().await;
        while !is_it(&follower.event().await) {}
        took.push(begin.elapsed());
        if begin.elapsed() < Duration::from_secs(1) {
            return;
        }
    }
    panic!("after {took:?}");
}

/// Two events that happen in any order.
async fn both(follower: &mut Follower, kinds: [&str; 2]) -> (Value, Value) {
    let mut found = [Value::Null, Value::Null];
    while found.iter().any(Value::is_null) {
        let event = follower.event().await;
        if let Some(at) = kinds.iter().position(|kind| event["type"] == *kind) {
            found[at] = event;
        }
    }
    let [first, second] = found;
    (first, second)
}

/// Holds 16.3 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_untracked_code_blocks_is_an_event() {
    own_process!();
    let service = Service::start_on_workers(2, Router::new()).await;
    let mut follower = Follower::start(&service, "type=blocked,resumed").await;
    let blocks = service.spawn_on_workers(async {
        std::thread::sleep(Duration::from_millis(500));
    });
    let blocked = follower.wait_for("blocked").await;
    assert_eq!(blocked["untracked"], true, "{blocked:#}");
    assert!(blocked["worker"].is_u64() && blocked["runtime"].is_u64());
    let resumed = follower.wait_for("resumed").await;
    assert_eq!(resumed["worker"], blocked["worker"]);
    blocks.await.expect("no panic");
}
