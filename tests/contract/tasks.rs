//! Single tasks: selection, cancellation, and printed stacks.

use axum::Router;
use axum::routing::get;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use underscore_runtime::underscore_route;

use crate::support::Service;
use crate::support::sentences::did_you_mean;

static NEVER: Semaphore = Semaphore::const_new(0);

#[underscore_route(name = "patient")]
async fn patient() -> &'static str {
    let waiting = async { NEVER.acquire().await.is_ok() };
    if waiting.await { "released" } else { "closed" }
}

#[underscore_route(name = "filtered")]
async fn filtered() {
    NEVER.acquire().await.expect("never closed").forget();
}

#[underscore_route(name = "unfiltered")]
async fn unfiltered() {
    NEVER.acquire().await.expect("never closed").forget();
}

#[underscore_route(name = "printed")]
async fn printed() {
    let inner = async { NEVER.acquire().await.map(drop) };
    inner.await.expect("never closed");
}

fn app() -> Router {
    Router::new()
        .route("/patient", get(patient))
        .route("/filtered", get(filtered))
        .route("/unfiltered", get(unfiltered))
        .route("/printed", get(printed))
}

async fn stuck(service: &Service, name: &str, count: usize) -> (Clients, Vec<u64>) {
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..count {
        let request = service.request(Method::GET, &format!("/{name}"));
        clients.spawn(async move { request.send().await.expect("it answers").status().as_u16() });
    }
    service.wait_for_waiting(name, count).await;
    let id = |task: &Value| task["id"].as_u64().expect("a number");
    (clients, service.tasks(name).await.iter().map(id).collect())
}

type Clients = tokio::task::JoinSet<u16>;

/// Holds 1.16, 2.23, 4.35 of docs/admin-api.md.
#[tokio::test]
async fn one_request_is_ended_and_the_others_continue() {
    let service = Service::start(app()).await;
    let (mut clients, ids) = stuck(&service, "patient", 3).await;
    let report = service
        .post(&format!("_tasks/{}/_cancel?reason=chosen", ids[1]))
        .await
        .ok_json();
    assert_eq!(
        report,
        json!({
            "acknowledged": true, "interrupted": 1, "still_running": 0,
            "tasks": {ids[1].to_string(): "interrupted"},
        })
    );
    assert_eq!(
        clients.join_next().await.expect("one").expect("no panic"),
        503
    );
    service.wait_for("patient", "stats.req.active", 2).await;

    let gone = service.post(&format!("_tasks/{}/_cancel", ids[1])).await;
    assert_eq!(
        (gone.status, gone.error().0.as_str()),
        (404, "resource_not_found_exception")
    );
    let both = format!("_tasks/{},{}/cancel", ids[0], ids[1]);
    assert_eq!(service.post(&both).await.status, 404, "one of them is gone");
    service.wait_for("patient", "stats.req.active", 2).await;
    let rest = format!("_tasks/{},{}/_cancel", ids[0], ids[2]);
    assert_eq!(service.post(&rest).await.ok_json()["interrupted"], 2);
    assert_eq!(clients.join_all().await, [503, 503]);
}

/// Holds 1.17, 1.19, 2.25, 4.51, 6.17 of docs/admin-api.md.
#[tokio::test]
async fn a_filter_selects_the_tasks_to_end_and_no_filter_selects_none() {
    let service = Service::start(app()).await;
    let (clients, ids) = stuck(&service, "filtered", 2).await;
    let (others, _) = stuck(&service, "unfiltered", 1).await;
    for path in ["_tasks/_cancel", "_tasks/cancel", "_tasks/,/_cancel"] {
        let refused = service.post(path).await;
        assert_eq!(refused.status, 400, "{path}: {}", refused.text);
        assert!(refused.error().1.contains("_all"), "{}", refused.text);
    }
    let wrong = service
        .post("_tasks/_cancel?routes=filtered&state=wating")
        .await;
    assert!(
        wrong.error().1.contains(did_you_mean!("waiting")),
        "{}",
        wrong.text
    );
    let young = service
        .post("_tasks/_cancel?routes=filtered&older_than=1h")
        .await;
    assert_eq!(young.ok_json()["tasks"], json!({}), "none is so old");
    let running = service
        .post("_tasks/_cancel?routes=filtered&state=running")
        .await;
    assert_eq!(running.ok_json()["tasks"], json!({}), "none runs");
    let listed = service
        .admin("_cat/tasks?routes=filtered&state=waiting&older_than=0s&h=id")
        .await;
    let listed: Vec<u64> = listed
        .text
        .lines()
        .filter_map(|id| id.trim().parse().ok())
        .collect();
    assert_eq!(listed, ids);

    let path = "_tasks/_cancel?routes=filtered&older_than=1nanos&state=waiting";
    assert_eq!(service.post(path).await.ok_json()["interrupted"], 2);
    assert_eq!(clients.join_all().await, [503, 503]);
    service.wait_for("unfiltered", "stats.req.active", 1).await;
    service.post("_routes/unfiltered/interrupt").await;
    others.join_all().await;
    let get = service.admin("_tasks/_cancel").await;
    assert_eq!(
        (get.status, get.headers["allow"].to_str().ok()),
        (405, Some("POST"))
    );
}

/// Holds 1.15 of docs/admin-api.md.
#[tokio::test]
async fn a_stack_is_printed_from_the_outermost_frame() {
    let service = Service::start(app()).await;
    let (clients, ids) = stuck(&service, "printed", 1).await;
    let path = format!("_tasks/{}/print_stack", ids[0]);
    let text = service.admin(&path).await;
    assert_eq!(text.content_type, "text/plain; charset=UTF-8");
    let lines: Vec<&str> = text.text.lines().collect();
    let head = format!("task {}  GET /printed  waiting ", ids[0]);
    assert!(lines[0].starts_with(&head), "{}", text.text);
    assert!(
        lines[1].starts_with("  contract::tasks::printed  tests/contract/tasks.rs:"),
        "{}",
        text.text
    );
    assert!(lines[1].ends_with("  inner"), "{}", text.text);
    assert!(
        lines[2].starts_with("    contract::tasks::printed  tests/contract/tasks.rs:"),
        "{}",
        text.text
    );
    assert!(lines[2].ends_with("  NEVER.acquire()"), "{}", text.text);
    assert_eq!(lines.len(), 3);

    let json = service.admin_json(&format!("{path}?format=json")).await;
    let task = &json["tasks"][ids[0].to_string()];
    assert_eq!(task["path"], "/printed");
    let outer = &task["stack"][0];
    assert_eq!(outer["awaiting"], "inner");
    assert_eq!(outer["inside"][0]["awaiting"], "NEVER.acquire()");
    assert_eq!(outer["inside"][0]["inside"], json!([]));
    service.post("_routes/printed/interrupt").await;
    clients.join_all().await;
    assert_eq!(service.admin(&path).await.status, 404);
}
