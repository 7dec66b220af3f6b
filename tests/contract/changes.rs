//! Section 4 of docs/admin-api.md: changes.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use reqwest::Method;
use serde_json::{Value, json};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::prelude::*;
use underscore_runtime::underscore_route;

use crate::rows_of_page;
use crate::support::{PATIENCE, Service};

/// The value of the only route in an answer.
fn only(answer: &Value) -> &Value {
    let routes = answer.as_object().expect("an object");
    assert_eq!(routes.len(), 1, "{answer:#}");
    routes.values().next().expect("one of them")
}

#[underscore_route(name = "changes.set")]
async fn set() {}

/// Holds 4.10, 4.14 of docs/admin-api.md.
#[tokio::test]
async fn each_setting_on_the_page_can_be_set_and_is_shown_as_it_was_given() {
    let filter = underscore_runtime::log_filter(EnvFilter::new("off"));
    let layer = tracing_subscriber::fmt::layer().with_filter(filter);
    let _logs = tracing::Dispatch::new(tracing_subscriber::registry().with(layer));
    let service = Service::start(Router::new()).await;
    let path = "_routes/changes.set/settings?include_defaults&flat_settings";
    let shown = service.admin_json(path).await;
    let on_page: serde_json::Map<String, Value> = rows_of_page("- **4.14**")
        .into_iter()
        .map(|row| (row[0].clone(), row[1].parse().expect("it is JSON")))
        .collect();
    assert_eq!(only(&shown), &json!({"transient": {}, "defaults": on_page}));
    let all = json!({
        "delay": "0s",
        "interrupt.status": 499,
        "limit.active": 7,
        "limit.rate": 2.5,
        "log": "debug",
        "preempt.headers": {"X-Why": "maintenance"},
        "preempt.ratio": 0.25,
        "preempt.reason": "Back soon",
        "preempt.status": 503,
        "preempt.text": "",
        "slow_after": "5s",
        "timeout": "90s",
    });
    let set = service.put(path, json!({"transient": all})).await.ok_json();
    assert_eq!(only(&set), &json!({"transient": all, "defaults": {}}));
}

#[underscore_route(name = "changes.shared")]
async fn shared() {}

/// Holds 4.22 of docs/admin-api.md.
#[tokio::test]
async fn requests_of_one_trace_are_preempted_alike_unless_they_have_request_ids() {
    let service = Service::start(Router::new().route("/", get(shared))).await;
    let body = json!({"transient": {"preempt": {"status": 503, "ratio": 0.5}}});
    let put = service.put("_routes/changes.shared/settings", body).await;
    put.ok_json();
    let statuses = async |id: Option<u32>, traces: std::ops::Range<u32>| {
        let mut statuses = Vec::new();
        for trace in traces {
            let request = service.request(Method::GET, "/");
            let parent = format!("00-{:032x}-00f067aa0ba902b7-01", trace + 1);
            let mut request = request.header("traceparent", parent);
            if let Some(id) = id {
                request = request.header("x-request-id", id);
            }
            let answer = request.send().await.expect("it answers");
            statuses.push(answer.status().as_u16());
        }
        statuses
    };
    let first = statuses(None, 0..40).await;
    assert!(first.contains(&200) && first.contains(&503), "{first:?}");
    assert_eq!(statuses(None, 0..40).await, first, "by the trace");
    for id in 0..5 {
        let mut by_id = statuses(Some(id), 0..10).await;
        by_id.dedup();
        assert_eq!(by_id.len(), 1, "by the id, whatever the trace is");
    }
}

/// Both the handler below and the test wait here.
static MEETING: Barrier = Barrier::new(2);

#[underscore_route(name = "changes.stuck")]
async fn stuck() {
    MEETING.wait();
}

/// Holds 3.50, 4.38, 4.39 of docs/admin-api.md.
#[tokio::test]
async fn an_interrupt_waits_for_a_second_or_for_its_timeout() {
    let service = Service::start_on_workers(2, Router::new().route("/", get(stuck))).await;
    let client = tokio::spawn(service.request(Method::GET, "/").send());
    service
        .wait_for("changes.stuck", "stats.req.active", 1)
        .await;
    let deadline = Instant::now() + PATIENCE;
    while service.tasks("changes.stuck").await[0]["cancellable"] != false {
        assert!(Instant::now() < deadline, "it never blocks its worker");
        tokio::task::yield_now().await;
    }
    let interrupt = async |query: &str| {
        let begun = Instant::now();
        let path = format!("_routes/changes.stuck/interrupt{query}");
        let report = service.post(&path).await.ok_json();
        assert_eq!(report["still_running"], 1, "{report:#}");
        let tasks = report["tasks"].as_object().expect("an object");
        let states: Vec<&Value> = tasks.values().collect();
        assert_eq!(states, ["stuck_in_poll"]);
        begun.elapsed()
    };
    let (by_default, told) = tokio::join!(interrupt(""), interrupt("?timeout=1200ms"));
    assert!(by_default >= Duration::from_secs(1), "{by_default:?}");
    assert!(told >= Duration::from_millis(1_200), "{told:?}");
    let meeting = tokio::task::spawn_blocking(|| MEETING.wait());
    meeting.await.expect("they meet");
    let answer = client.await.expect("no panic").expect("an answer");
    assert_eq!(answer.status(), 200, "its poll was its end");
}

#[underscore_route(name = "changes.limited")]
async fn limited() {}

/// Holds 4.23, 4.25, 4.26 of docs/admin-api.md.
#[tokio::test]
async fn a_request_over_a_limit_gets_the_limit_and_retry_after() {
    let service = Service::start(Router::new().route("/", get(limited))).await;
    let put = async |settings: Value| {
        let body = json!({"transient": settings});
        let put = service.put("_routes/changes.limited/settings", body).await;
        put.ok_json();
    };
    let refused = async |status: u16, reason: &str| {
        let answer = service.get("/").await;
        assert_eq!(answer.status, status, "{answer:?}");
        let error = json!({"type": "limit_reached", "reason": reason});
        assert_eq!(answer.json(), json!({"error": error, "status": status}));
        let after = answer.headers["retry-after"].to_str().expect("a text");
        after.parse::<u32>().expect("seconds")
    };
    put(json!({"limit.active": 0})).await;
    assert_eq!(
        refused(503, "the limit of requests in flight is 0").await,
        1
    );
    put(json!({"limit.active": null, "limit.rate": 0.001})).await;
    assert_eq!(service.get("/").await.status, 200, "one may always come");
    let after = refused(429, "the limit of requests per second is 0.001").await;
    assert!((900..=1_000).contains(&after), "{after}");
}

static WAS_DROPPED: AtomicBool = AtomicBool::new(false);

#[underscore_route(name = "changes.overdue")]
async fn overdue() {
    struct Told;
    impl Drop for Told {
        fn drop(&mut self) {
            WAS_DROPPED.store(true, Ordering::SeqCst);
        }
    }
    let _told = Told;
    std::future::pending::<()>().await;
}

/// Holds 3.36, 4.27 of docs/admin-api.md.
#[tokio::test]
async fn a_timeout_drops_the_handler() {
    let service = Service::start(Router::new().route("/", get(overdue))).await;
    let body = json!({"transient": {"timeout": "20ms"}});
    let put = service.put("_routes/changes.overdue/settings", body).await;
    put.ok_json();
    let answer = service.get("/").await;
    assert_eq!(answer.status, 504);
    assert_eq!(answer.json()["error"]["type"], "request_expired");
    let ends = [("expired", 1)];
    service.wait_for_ends("changes.overdue", &ends).await;
    assert!(WAS_DROPPED.load(Ordering::SeqCst));
}

/// Holds 4.50 of docs/admin-api.md.
#[tokio::test]
async fn a_cancel_with_a_body_is_refused() {
    let service = Service::start(Router::new()).await;
    let path = "_tasks/_cancel?older_than=9999d";
    let body = Some(json!({"reason": "would be ignored"}));
    let answer = service.admin_request(Method::POST, path, body).await;
    let (kind, reason) = answer.error();
    assert_eq!((answer.status, &*kind), (400, "illegal_argument_exception"));
    assert!(
        reason.contains("[/_tasks/_cancel] takes no body"),
        "{reason}"
    );
    let spaces = service.admin_builder(Method::POST, path).body(" \n");
    let answer = spaces.send().await.expect("it answers");
    assert_eq!(answer.status(), 200, "spaces say nothing");
}
