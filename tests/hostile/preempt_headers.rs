//! Headers of preempted responses: what is accepted is answered, on HTTP/1.1 and HTTP/2, and
//! counted; headers with an effect beyond the response need permission in code.

use axum::Router;
use axum::routing::get;
use reqwest::Client;
use serde_json::{Map, Value, json};
use underscore_runtime::{AdminBuilder, underscore_route};

use crate::support::Service;
use crate::support::process::own_process;

const SETTINGS: &str = "_routes/sent/settings";

#[underscore_route(name = "sent")]
async fn sent() {}

#[underscore_route(name = "refused")]
async fn refused() {}

#[underscore_route(name = "allowed")]
async fn allowed() {}

fn many(count: usize, length: usize) -> Value {
    let header = |number| (format!("x-{number}"), Value::from("v".repeat(length)));
    Value::Object((0..count).map(header).collect::<Map<_, _>>())
}

/// Holds 4.81 of docs/admin-api.md.
#[tokio::test]
async fn an_accepted_preempt_is_always_answered_and_counted() {
    own_process!();
    let service = Service::start(Router::new().route("/", get(sent))).await;
    let http2 = Client::builder()
        .http2_prior_knowledge()
        .build()
        .expect("a client");
    let largest = json!({
        "status": 503,
        "headers": many(64, 120),
        "text": "t".repeat(64 << 10),
        "reason": "r".repeat(256),
    });
    let mut expected = 0;
    for preempt in [
        largest,
        json!({"status": 429, "headers": {"Retry-After": "5"}, "text": "", "reason": ""}),
    ] {
        let body = json!({"transient": {"preempt": preempt}});
        service.put(SETTINGS, body).await.ok_json();
        let status = preempt["status"].as_u64();
        let headers = preempt["headers"].as_object().expect("an object");
        for client in [&http2, &Client::new()] {
            let answer = client
                .get(service.url("/"))
                .send()
                .await
                .expect("it is answered");
            assert_eq!(Some(u64::from(answer.status().as_u16())), status);
            for (name, value) in headers {
                assert_eq!(
                    answer.headers()[&name.to_lowercase()],
                    value.as_str().expect("a text")
                );
            }
            let text = answer.text().await.expect("it is whole");
            assert_eq!(text, preempt["text"]);
            expected += 1;
        }
        service
            .put(SETTINGS, json!({"transient": {"preempt": null}}))
            .await
            .ok_json();
    }
    service
        .wait_for_ends("sent", &[("preempted", expected)])
        .await;
}

/// Holds 4.15, 4.21, 4.81, 4.82 of docs/admin-api.md.
#[tokio::test]
async fn an_invalid_or_disallowed_header_is_refused_and_none_is_set() {
    own_process!();
    let service = Service::start(Router::new().route("/", get(refused))).await;
    for (preempt, status) in [
        (json!({"headers": many(65, 1)}), 400),
        (json!({"headers": many(24_574, 1)}), 400),
        (json!({"headers": many(1, 8 << 10)}), 400),
        (json!({"headers": {"X-One": "1", "x-one": "1"}}), 400),
        (json!({"headers": {"Keep-Alive": "timeout=1"}}), 400),
        (json!({"headers": {"trailer": "x"}}), 400),
        (json!({"headers": {"Content-Length": "1"}}), 400),
        (json!({"text": "t".repeat((64 << 10) + 1)}), 400),
        (json!({"reason": "r".repeat(257)}), 400),
        (
            json!({"headers": {"Location": "https://evil.example.com"}}),
            403,
        ),
        (json!({"headers": {"x": "1", "set-cookie": "a=b"}}), 403),
        (
            json!({"headers": {"Content-Type": "text/html"}, "text": "<script>"}),
            403,
        ),
        (
            json!({"headers": {"WWW-Authenticate": "Basic"}, "status": 401}),
            403,
        ),
    ] {
        let body = json!({"transient": {"timeout": "9s", "preempt": preempt}});
        for path in [
            "_routes/refused/settings",
            "_routes/refused/settings?dry_run",
        ] {
            let answer = service.put(path, body.clone()).await;
            assert_eq!(answer.status, status, "{preempt:.200}: {answer:?}");
            assert!(answer.text.len() < 2_000, "{}", answer.text.len());
        }
        if status == 403 {
            let answer = service.put("_routes/refused/settings", body).await;
            assert_eq!(answer.error().0, "security_exception");
            assert!(answer.error().1.contains("AdminBuilder::preempt_headers"));
        }
    }
    let set = service
        .admin_json("_routes/refused/settings?flat_settings")
        .await;
    let route = set.as_object().expect("an object").values().next();
    assert_eq!(route.expect("one")["transient"], json!({}));
}

/// Holds 4.82 of docs/admin-api.md.
#[tokio::test]
async fn code_can_allow_headers_by_name() {
    own_process!();
    let admin = AdminBuilder::new().preempt_headers(["Location", "content-type"]);
    let service = Service::start_with(Router::new().route("/", get(allowed)), &admin).await;
    let path = "_routes/allowed/settings";
    let preempt =
        json!({"status": 418, "headers": {"location": "/x", "Content-Type": "text/html"}});
    service
        .put(path, json!({"transient": {"preempt": preempt}}))
        .await
        .ok_json();
    let answer = service.get("/").await;
    assert_eq!(answer.headers["location"], "/x");
    assert_eq!(answer.content_type, "text/html");
    let cookie = json!({"transient": {"preempt.headers": {"set-cookie": "a=b"}}});
    assert_eq!(service.put(path, cookie).await.status, 403);
}
