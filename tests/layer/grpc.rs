//! A call of gRPC that is answered in the service's place gets a status of gRPC: its client would
//! read another body as a message.

use std::convert::Infallible;
use std::future::{Pending, pending};

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use reqwest::Method;
use serde_json::json;
use tower::service_fn;
use underscore_runtime::RequestLayer;

use super::tasks_at;
use crate::support::Service;

const PATH: &str = "/layer.Greeter/{*rest}";
const ROUTE: &str = "POST%20%2Flayer.Greeter%2F%7B%2Arest%7D";

fn hang(_: Request) -> Pending<Result<Response, Infallible>> {
    pending()
}

fn call(service: &Service) -> reqwest::RequestBuilder {
    let request = service.request(Method::POST, "/layer.Greeter/Greet");
    request.header("content-type", "application/grpc+proto")
}

/// Status, message and mark of a response without a body.
async fn answer(response: reqwest::Response) -> [String; 3] {
    assert_eq!(response.status(), 200);
    let headers = response.headers();
    assert_eq!(headers["content-type"], "application/grpc");
    let header = |name| headers[name].to_str().expect("ASCII").to_owned();
    let answer = ["grpc-status", "grpc-message", "x-underscore"].map(header);
    assert_eq!(response.text().await.expect("a body"), "");
    answer
}

/// Holds 10.20 of docs/admin-api.md.
#[tokio::test]
async fn a_call_of_grpc_is_answered_with_a_status_of_grpc() {
    let app = Router::new().route_service(PATH, service_fn(hang));
    let service = Service::start(app.layer(RequestLayer::named("layer.grpc"))).await;
    let settings = format!("_routes/{ROUTE}/_settings");

    let hanging = tokio::spawn(call(&service).send());
    tasks_at(&service, PATH, |tasks| tasks.len() == 1).await;
    let limit = json!({"transient": {"limit.active": 1}});
    service.put(&settings, limit).await.ok_json();
    let refused = call(&service).send().await.expect("an answer");
    let reason = "the limit of requests in flight is 1";
    assert_eq!(answer(refused).await, ["14", reason, "rejected"]);

    let interrupt = format!("_routes/{ROUTE}/_interrupt?reason=50%25+down");
    service.post(&interrupt).await.ok_json();
    let interrupted = hanging.await.expect("no panic").expect("an answer");
    let expected = ["14", "50%25 down", "interrupted"];
    assert_eq!(answer(interrupted).await, expected);

    let timeout = json!({"transient": {"limit.active": null, "timeout": "20ms"}});
    service.put(&settings, timeout).await.ok_json();
    let [status, _, mark] = answer(call(&service).send().await.expect("an answer")).await;
    assert_eq!((&*status, &*mark), ("4", "expired"));

    let preempt = json!({"transient": {"preempt": {"status": 403, "text": "not now\n"}}});
    service.put(&settings, preempt).await.ok_json();
    let preempted = call(&service).send().await.expect("an answer");
    assert_eq!(answer(preempted).await, ["7", "not now", "preempted"]);
}
