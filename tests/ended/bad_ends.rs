//! Requests that ended badly: what became of them, where they stood, and who ended them.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::StatusCode;
use futures_util::stream::{StreamExt as _, iter, pending};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::time::sleep;
use tower_http::catch_panic::CatchPanicLayer;
use underscore_runtime::{AdminBuilder, RequestLayer, RouterExt as _, underscore_route};

use super::{detail, ended, is_about, only};
use crate::support::process::own_process;
use crate::support::{Service, send};

#[underscore_route(get, "/waits/{name}", name = "bad.waits")]
async fn waits(Path(name): Path<String>) {
    drop(name);
    std::future::pending::<()>().await;
}

/// Holds 12.1, 12.4, 12.8 of docs/admin-api.md.
#[tokio::test]
async fn a_client_that_gave_up_shows_where_its_request_stood() {
    let service = Service::start(Router::new().mount(waits)).await;
    let request = service
        .request(Method::GET, "/waits/anna?token=secret")
        .header("x-request-id", "r-1")
        .header("x-opaque-id", "o-1")
        .header(
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        )
        .timeout(Duration::from_millis(500));
    request.send().await.expect_err("it gives up");
    let row = only(&service, "bad.waits").await;
    let expected = [
        ("method", json!("GET")),
        ("path", json!("/waits/{name}")),
        ("status", Value::Null),
        ("end", json!("disconnected")),
        ("slow", json!(false)),
        ("awaiting", json!("std::future::pending::<()>()")),
        ("slowest_awaiting", json!("std::future::pending::<()>()")),
        ("uri", json!("/waits/anna")),
        ("request_id", json!("r-1")),
        ("x_opaque_id", json!("o-1")),
        ("trace_id", json!("4bf92f3577b34da6a3ce929d0e0e4736")),
        ("panic", Value::Null),
    ];
    for (column, value) in expected {
        assert_eq!(row[column], value, "{column}: {row:#}");
    }
    assert_eq!(row["slowest_at"], row["where"]);
    assert!(is_about(&row["took"], 0.5), "{row:#}");
    assert!(is_about(&row["slowest_for"], 0.5), "{row:#}");
    assert!(row["started"].as_str() < row["ended"].as_str(), "{row:#}");
    let detail = detail(&service, &row).await;
    assert_eq!(detail["uri"], "/waits/anna", "{detail:#}");
    assert!(detail.get("panic").is_none(), "{detail:#}");
    let path = format!("_ended/{}?format=text", row["id"]);
    let text = service.admin(&path).await.text;
    let remote = row["remote"].as_str().expect("it is known");
    let client = format!(
        "\n  uri: /waits/anna, remote: {remote}, request_id: r-1, \
         trace_id: 4bf92f3577b34da6a3ce929d0e0e4736, x_opaque_id: o-1\n"
    );
    assert!(text.contains(&client), "{text}");
}

#[underscore_route(get, "/interrupted", name = "bad.interrupted")]
async fn interrupted() {
    std::future::pending::<()>().await;
}

/// Holds 12.8, 12.9 of docs/admin-api.md.
#[tokio::test]
async fn an_interrupted_request_shows_who_ended_it_and_why() {
    let service = Service::start(Router::new().mount(interrupted)).await;
    let request = service.request(Method::GET, "/interrupted");
    let client = tokio::spawn(request.send());
    service.wait_for_waiting("bad.interrupted", 1).await;
    service
        .post("_routes/bad.interrupted/interrupt?reason=drill")
        .await
        .ok_json();
    assert_eq!(
        client.await.expect("it ends").expect("an answer").status(),
        503
    );
    let row = only(&service, "bad.interrupted").await;
    assert_eq!(row["end"], "interrupted");
    assert_eq!(row["status"], 503);
    assert_eq!(row["reason"], "drill");
    let by = row["interrupted_by"].as_str().expect("a text");
    let uid = rustix::process::geteuid().as_raw();
    let pid = std::process::id();
    assert!(by.contains(&format!("uid {uid}, pid {pid}")), "{by}");
    let text = service
        .admin(&format!("_ended/{}?format=text", row["id"]))
        .await;
    assert!(
        text.text.contains(&format!("reason: drill, by {by}")),
        "{}",
        text.text
    );
}

#[underscore_route(get, "/expired", name = "bad.expired")]
async fn expired() {
    std::future::pending::<()>().await;
}

/// Holds 12.9 of docs/admin-api.md.
#[tokio::test]
async fn an_expired_request_shows_the_timeout() {
    let service = Service::start(Router::new().mount(expired)).await;
    service.set("bad.expired", "timeout", "50ms").await;
    assert_eq!(service.get("/expired").await.status, 504);
    let row = only(&service, "bad.expired").await;
    assert_eq!(row["end"], "expired");
    assert_eq!(row["status"], 504);
    assert_eq!(row["reason"], "not done within the route's timeout of 50ms");
    assert_eq!(row["interrupted_by"], Value::Null);
}

#[underscore_route(get, "/status/{status}", name = "bad.status")]
async fn status(Path(status): Path<u16>) -> StatusCode {
    StatusCode::from_u16(status).expect("a status")
}

/// Holds 12.2, 12.8 of docs/admin-api.md.
#[tokio::test]
async fn a_server_error_is_kept_and_other_answers_are_not() {
    let service = Service::start(Router::new().mount(status)).await;
    for status in [200, 204, 302, 404, 429, 499] {
        service.get(&format!("/status/{status}")).await;
    }
    assert_eq!(service.get("/status/502").await.status, 502);
    let row = only(&service, "bad.status").await;
    assert_eq!(row["status"], 502);
    assert_eq!(row["end"], "completed");
    assert_eq!(
        row["slowest_at"],
        Value::Null,
        "it was at no await: {row:#}"
    );
}

#[underscore_route(get, "/shed", name = "bad.shed")]
async fn shed() {}

/// Holds 12.2 of docs/admin-api.md.
#[tokio::test]
async fn a_request_that_a_setting_answers_is_not_kept() {
    let app = Router::new().mount(shed).layer(RequestLayer::new());
    let service = Service::start(app).await;
    assert_eq!(service.get("/shed").await.status, 200);
    for (key, value) in [("preempt.status", json!(503)), ("limit.active", json!(0))] {
        service.set("bad.shed", key, value).await;
        assert_eq!(service.get("/shed").await.status, 503);
        service.set("bad.shed", key, Value::Null).await;
    }
    let rows = service.admin_json("_cat/ended/bad.shed?format=json").await;
    assert_eq!(rows, json!([]));
}

#[underscore_route(get, "/panics/{name}", name = "bad.panics")]
async fn panics(Path(name): Path<String>) {
    sleep(Duration::from_millis(10)).await;
    panic!("no stock of {name}");
}

/// Holds 12.8, 12.18 of docs/admin-api.md.
#[tokio::test]
async fn a_panic_shows_its_message_and_place() {
    let app = Router::new().mount(panics);
    let service = Service::start(app.clone()).await;
    let sent = service.request(Method::GET, "/panics/tea").send().await;
    sent.expect_err("the connection is closed");
    let row = only(&service, "bad.panics").await;
    assert_eq!(row["end"], "panicked");
    assert_eq!(row["status"], Value::Null);
    assert_eq!(row["panic"], "no stock of tea");
    let line = include_str!("bad_ends.rs")
        .lines()
        .position(|line| line.contains("panic!(\"no stock"));
    let place = format!(
        "tests/ended/bad_ends.rs:{}:5",
        line.expect("it is there") + 1
    );
    assert_eq!(row["panicked_at"], place.as_str());
    assert_eq!(
        row["awaiting"], "sleep(Duration::from_millis(10))",
        "the last one"
    );

    // A layer inside catches it and answers.
    let caught = app.layer(CatchPanicLayer::new()).layer(RequestLayer::new());
    let caught = Service::start(caught).await;
    assert_eq!(caught.get("/panics/coffee").await.status, 500);
    let rows = ended(&caught, "bad.panics", |rows| rows.len() == 2).await;
    assert_eq!(rows[0]["end"], "panicked");
    assert_eq!(rows[0]["status"], 500);
    assert_eq!(rows[0]["panic"], "no stock of coffee");
}

#[underscore_route(get, "/broken", name = "bad.broken")]
async fn broken() -> Body {
    let frames = iter([Ok("begun"), Err(std::io::Error::other("lost"))]);
    Body::from_stream(frames)
}

#[underscore_route(get, "/unread", name = "bad.unread")]
async fn unread() -> Body {
    Body::from_stream(iter([Ok::<_, Infallible>("begun")]).chain(pending()))
}

/// Holds 12.8 of docs/admin-api.md.
#[tokio::test]
async fn a_stream_shows_its_status_and_the_bytes_that_were_sent() {
    let service = Service::start(Router::new().mount(broken).mount(unread)).await;
    let mut connection = service.connect().await;
    send(&mut connection, "GET /broken HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut read = Vec::new();
    connection
        .read_to_end(&mut read)
        .await
        .expect("it is closed");
    let row = only(&service, "bad.broken").await;
    assert_eq!(row["end"], "failed");
    assert_eq!(
        (&row["status"], &row["bytes_sent"]),
        (&json!(200), &json!(5))
    );

    let mut connection = service.connect().await;
    send(&mut connection, "GET /unread HTTP/1.1\r\nhost: x\r\n\r\n").await;
    service
        .wait_for_task("bad.unread", |task| task["bytes_sent"] == 5)
        .await;
    drop(connection);
    let row = only(&service, "bad.unread").await;
    assert_eq!(row["end"], "disconnected");
    assert_eq!(
        (&row["status"], &row["bytes_sent"]),
        (&json!(200), &json!(5))
    );
}

#[underscore_route(get, "/layered/{name}", name = "bad.layered")]
async fn layered(Path(name): Path<String>) -> StatusCode {
    sleep(Duration::from_millis(150)).await;
    drop(name);
    StatusCode::INTERNAL_SERVER_ERROR
}

/// Holds 12.4 of docs/admin-api.md.
#[tokio::test]
async fn the_first_request_of_a_layer_is_kept_for_its_handlers_route() {
    let app = Router::new()
        .route("/layered/{name}", axum::routing::get(layered))
        .layer(RequestLayer::new());
    let service = Service::start(app).await;
    assert_eq!(service.get("/layered/bo").await.status, 500);
    let row = only(&service, "bad.layered").await;
    assert_eq!(row["uri"], "/layered/bo");
    assert!(is_about(&row["slowest_for"], 0.15), "{row:#}");
}

#[underscore_route(get, "/query", name = "bad.query")]
async fn query() -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}

/// Holds 12.10 of docs/admin-api.md.
#[tokio::test]
async fn queries_are_kept_only_if_asked_for() {
    // The option is the process's.
    own_process!();
    let admin = AdminBuilder::new().keep_queries(true);
    let service = Service::start_with(Router::new().mount(query), &admin).await;
    service.get("/query?q=tea").await;
    let row = only(&service, "bad.query").await;
    assert_eq!(row["uri"], "/query?q=tea");
    let hidden = AdminBuilder::new().keep_queries(true).show_queries(false);
    let other = Service::start_with(Router::new(), &hidden).await;
    let row = only(&other, "bad.query").await;
    assert_eq!(row["uri"], "/query");
}

/// Holds 12.11 of docs/admin-api.md.
#[tokio::test]
async fn an_unknown_id_names_the_cure() {
    let service = Service::start(Router::new()).await;
    let (kind, reason) = service.admin("_ended/123456789").await.error();
    assert_eq!(kind, "resource_not_found_exception");
    assert!(
        reason.contains("[123456789]") && reason.contains("GET /_tasks/123456789"),
        "{reason}"
    );
    let (kind, reason) = service.admin("_ended/x").await.error();
    assert_eq!(kind, "illegal_argument_exception");
    assert!(
        reason.contains("id [x] must be a decimal number"),
        "{reason}"
    );
    assert!(ended(&service, "_all", |_| true).await.len() < 2_000);
}
