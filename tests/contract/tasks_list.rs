//! `GET /_tasks`, and the metadata of the request behind each task.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::routing::get;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use underscore_runtime::{track, underscore_frame, underscore_route};

use crate::support::Service;
use crate::support::sentences::did_you_mean;

static NEVER: Semaphore = Semaphore::const_new(0);

#[underscore_frame]
async fn never() {
    NEVER.acquire().await.expect("never closed").forget();
}

#[underscore_route(name = "marked")]
async fn marked() {
    never().await;
}

#[underscore_route(name = "plain")]
async fn plain() {
    never().await;
}

#[underscore_route(name = "shaped")]
async fn shaped() {
    track("fetch", never()).await.expect("not it alone");
}

#[underscore_route(name = "first")]
async fn one() {
    never().await;
}

#[underscore_route(name = "other")]
async fn other() {
    never().await;
}

fn app() -> Router {
    Router::new()
        .route("/marked/{id}", get(marked))
        .route("/plain", get(plain))
        .route("/shaped", get(shaped))
        .route("/one", get(one))
        .route("/other", get(other))
}

type Client = tokio::task::JoinHandle<u16>;

fn send(request: reqwest::RequestBuilder) -> Client {
    tokio::spawn(async move { request.send().await.expect("an answer").status().as_u16() })
}

async fn end(service: &Service, route: &str, clients: impl IntoIterator<Item = Client>) {
    service
        .post(&format!("_routes/{route}/interrupt"))
        .await
        .ok_json();
    for client in clients {
        assert_eq!(client.await.expect("no panic"), 503);
    }
}

fn now_in_millis() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    u64::try_from(since.as_millis()).expect("it fits")
}

/// Holds 3.48 of docs/admin-api.md.
#[tokio::test]
async fn the_request_headers_of_a_task_are_shown() {
    let service = Service::start(app()).await;
    let request = service
        .request(Method::GET, "/marked/7?full=1")
        .header("X-Opaque-Id", "nightly report")
        .header("X-Request-Id", "\u{e9}-\u{1f980}")
        .header(
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        );
    let before = now_in_millis();
    let client = send(request);
    service.wait_for_waiting("marked", 1).await;
    let after = now_in_millis();
    let task = &service.tasks("marked").await[0];
    assert_eq!(task["x_opaque_id"], "nightly report");
    assert_eq!(task["request_id"], "\u{e9}-\u{1f980}");
    assert_eq!(task["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(task["uri"], "/marked/7?full=1");
    assert_eq!(task["path"], "/marked/{id}");
    let started = task["start_time"].as_u64().expect("milliseconds");
    // The start is computed from two clocks, which may differ by a millisecond.
    assert!(
        (before - 50..=after + 50).contains(&started),
        "{before} {started} {after}"
    );
    let timestamp = task["timestamp"].as_str().expect("a time of day");
    let seconds = started / 1000 % 86_400;
    let expected = format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    assert_eq!(timestamp, expected);
    for column in ["parent_task_id", "bytes_sent", "thread"] {
        assert_eq!(task[column], Value::Null, "{column}");
    }
    assert_eq!(task["cancelling"], false);
    end(&service, "marked", [client]).await;
}

/// Holds 3.48 of docs/admin-api.md.
#[tokio::test]
async fn a_request_without_these_headers_shows_none() {
    let service = Service::start(app()).await;
    let request = service
        .request(Method::GET, "/plain")
        .header("traceparent", "garbage");
    let client = send(request);
    service.wait_for_waiting("plain", 1).await;
    let task = &service.tasks("plain").await[0];
    for column in ["x_opaque_id", "request_id", "trace_id"] {
        assert_eq!(task[column], Value::Null, "{column}");
    }
    end(&service, "plain", [client]).await;
}

/// The value at a path of keys.
fn at<'a>(node: &'a Value, keys: &[&str]) -> &'a Value {
    keys.iter().fold(node, |node, key| &node[*key])
}

/// Holds 1.14, 5.10, 7.3, 7.5, 7.6 of docs/admin-api.md.
#[tokio::test]
async fn tasks_have_the_shape_of_elasticsearch() {
    let service = Service::start(app()).await;
    let request = service
        .request(Method::GET, "/shaped?x")
        .header("X-Opaque-Id", "me");
    let client = send(request);
    service.wait_for_waiting("fetch", 1).await;
    let id = service.tasks("shaped").await[0]["id"]
        .as_u64()
        .expect("a number");
    let child = service.tasks("fetch").await[0]["id"]
        .as_u64()
        .expect("a number");
    let route = service.route("shaped").await["id"]
        .as_str()
        .expect("an id")
        .to_owned();

    let list = service.admin_json("_tasks?routes=shaped").await;
    let tasks = list["tasks"].as_array().expect("a list");
    assert_eq!(tasks.len(), 2, "{list:#}");
    let task = &tasks[0];
    assert_eq!(task["id"], id);
    assert_eq!(task["type"], "request");
    assert_eq!(task["action"], "GET /shaped");
    assert_eq!(task["route_id"], route.as_str());
    assert_eq!(task["cancellable"], true);
    assert_eq!(task["cancelling"], false);
    assert_eq!(task["headers"], json!({"X-Opaque-Id": "me"}));
    assert!(task["running_time_in_nanos"].is_u64());
    assert!(task["start_time_in_millis"].is_u64());
    assert!(
        task["where"]
            .as_str()
            .is_some_and(|it| it.starts_with("tests/contract/tasks_list.rs:"))
    );
    for absent in ["parent_task_id", "running_time", "description", "stack"] {
        assert_eq!(task.get(absent), None, "{absent}");
    }
    assert_eq!(tasks[1]["parent_task_id"], id);
    assert_eq!(tasks[1]["action"], "fetch");

    let detailed = service
        .admin_json(&format!("_tasks/{id}?detailed&human&pretty"))
        .await;
    let task = &detailed["tasks"][0];
    assert_eq!(task["description"], "GET /shaped?x");
    assert_eq!(task["uri"], "/shaped?x");
    assert!(
        task["running_time"].is_string() && task["start_time"].is_string(),
        "{task:#}"
    );
    assert!(task["waiting_time_in_nanos"].is_u64(), "{task:#}");
    assert_eq!(
        at(task, &["stack"])[0]["awaiting"],
        "track(\"fetch\", never())"
    );
    let child_stack = service
        .admin_json(&format!("_tasks/{child}?detailed"))
        .await;
    let child = &child_stack["tasks"][0];
    assert_eq!(child["description"], "fetch of GET /shaped?x");

    let routes = service
        .admin_json("_tasks?group_by=routes&routes=shaped")
        .await;
    let of_route = at(&routes, &["routes", &route]);
    assert_eq!(of_route["path"], "/shaped");
    assert_eq!(of_route["name"], "shaped");
    assert_eq!(
        of_route["tasks"].as_object().map(serde_json::Map::len),
        Some(2)
    );
    assert_eq!(
        at(of_route, &["tasks", &id.to_string()])["state"],
        "waiting"
    );
    end(&service, "shaped", [client]).await;
}

/// Holds 2.21, 2.22, 2.25, 5.7 of docs/admin-api.md.
#[tokio::test]
async fn filters_select_tasks_and_mistakes_are_errors() {
    let service = Service::start(app()).await;
    let clients = ["/one", "/one", "/other"].map(|path| send(service.request(Method::GET, path)));
    service.wait_for_waiting("first", 2).await;
    service.wait_for_waiting("other", 1).await;
    let count = async |path: &str| {
        let node = service.admin_json(path).await;
        node["tasks"].as_array().expect("a list").len()
    };
    assert_eq!(count("_tasks?routes=first").await, 2);
    assert_eq!(count("_tasks?routes=first,other&state=waiting").await, 3);
    assert_eq!(count("_tasks?routes=first&state=running").await, 0);
    assert_eq!(count("_tasks?routes=first&older_than=1h").await, 0);
    assert_eq!(count("_tasks/_all?routes=other&older_than=1nanos").await, 1);
    for (path, words) in [
        ("_tasks?group_by=parent", did_you_mean!("parents")),
        ("_tasks?group_by=nodes", "none, parents, routes"),
        ("_tasks?detaild", did_you_mean!("detailed")),
        ("_tasks?state=stuck", "running, waiting, streaming"),
        ("_tasks/x", "must be a decimal number"),
    ] {
        let refused = service.admin(path).await;
        assert_eq!(refused.status, 400, "{path}");
        assert!(
            refused.error().1.contains(words),
            "{path}: {}",
            refused.text
        );
    }
    assert_eq!(service.admin("_tasks/999999999").await.status, 404);
    let yaml = service.admin("_tasks?routes=other&format=yaml").await;
    assert_eq!(yaml.content_type, "application/yaml");
    end(&service, "first,other", clients).await;
}
