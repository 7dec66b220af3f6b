//! Section 7 of docs/admin-api.md: details.

use axum::Router;
use axum::routing::get;
use reqwest::Method;
use serde_json::json;
use underscore_runtime::underscore_route;

use crate::support::Service;

#[underscore_route(name = "details.marked")]
async fn marked() {
    std::future::pending::<()>().await;
}

/// Holds 7.3, 7.6 of docs/admin-api.md.
#[tokio::test]
async fn request_headers_are_shown_under_the_names_of_elasticsearch() {
    let service = Service::start(Router::new().route("/", get(marked))).await;
    let marks = json!({
        "X-Opaque-Id": "night shift",
        "X-Request-Id": "17",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    });
    let mut request = service.request(Method::GET, "/").header("x-other", "mine");
    for (name, value) in marks.as_object().expect("an object") {
        request = request.header(name, value.as_str().expect("a text"));
    }
    let client = tokio::spawn(request.send());
    service.wait_for_waiting("details.marked", 1).await;
    let tasks = service.admin_json("_tasks?routes=details.marked").await;
    let task = &tasks["tasks"][0];
    assert_eq!(task["headers"], marks);
    for unknown in ["parent_task_id", "bytes_sent", "stack"] {
        assert_eq!(task.get(unknown), None, "{unknown}");
    }
    service.post("_routes/details.marked/interrupt").await;
    let answer = client.await.expect("no panic").expect("an answer");
    assert_eq!(answer.status(), 503);
}
