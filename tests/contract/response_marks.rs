//! Responses that the library sends instead of the handler are marked in their extensions, so that
//! logs, metrics and layers of the service can tell them apart.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use reqwest::Method;
use serde_json::{Value, json};
use underscore_runtime::underscore_route;

use crate::support::Service;

#[underscore_route(name = "marks")]
async fn marks() {
    std::future::pending::<()>().await;
}

#[underscore_route(name = "own")]
async fn own() -> StatusCode {
    StatusCode::SERVICE_UNAVAILABLE
}

/// Holds 4.84 of docs/admin-api.md.
#[tokio::test]
async fn a_response_in_the_handlers_place_carries_the_end_of_the_request() {
    let app = Router::new().route("/", get(marks)).route("/own", get(own));
    let service = Service::start(app).await;
    let set = async |transient: Value| {
        let path = "_routes/marks/settings";
        let reset = json!({"transient": null});
        service.put(path, reset).await.ok_json();
        let body = json!({"transient": transient});
        service.put(path, body).await.ok_json();
    };
    let mark = |answer: &crate::support::Answer| {
        let mark = answer.headers.get("x-underscore");
        mark.map(|mark| mark.to_str().expect("a text").to_owned())
    };
    for (transient, status, expected) in [
        (json!({"preempt.status": 418}), 418, "preempted"),
        (
            json!({"preempt.status": 204, "preempt.headers": {"x-underscore": "x"}}),
            204,
            "preempted",
        ),
        (json!({"limit.active": 0}), 503, "rejected"),
        (json!({"timeout": "1ms"}), 504, "expired"),
    ] {
        set(transient.clone()).await;
        let answer = service.get("/").await;
        assert_eq!(answer.status, status, "{transient}: {answer:?}");
        assert_eq!(
            mark(&answer).as_deref(),
            Some(expected),
            "{transient}: {answer:?}"
        );
    }
    set(json!({"limit.rate": 0.001})).await;
    let first = tokio::spawn(service.request(Method::GET, "/").send());
    service.wait_for_waiting("marks", 1).await;
    let second = service.get("/").await;
    assert_eq!(
        (second.status, mark(&second).as_deref()),
        (429, Some("rejected"))
    );
    for status in [503, 204] {
        set(json!({"interrupt.status": status})).await;
        let client = tokio::spawn(service.request(Method::GET, "/").send());
        service
            .wait_for_waiting("marks", if status == 503 { 2 } else { 1 })
            .await;
        service.post("_routes/marks/interrupt").await.ok_json();
        let answer = client.await.expect("the client ran").expect("an answer");
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["x-underscore"], "interrupted");
    }
    drop(first);
    let own = service.get("/own").await;
    assert_eq!((own.status, mark(&own)), (503, None), "it is the handler's");
}
