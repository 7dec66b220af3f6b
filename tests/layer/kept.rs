//! Handlers that keep their signatures: a layer sees their requests.

use std::convert::Infallible;
use std::sync::LazyLock;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use underscore_runtime::{RequestLayer, underscore_frame, underscore_route};

use super::tasks_at;
use crate::support::Service;
use crate::support::log::LOG;
use crate::support::process::own_process;

static OPEN: Semaphore = Semaphore::const_new(0);

/// An extractor that waits.
struct Slow;

static EXTRACTED: Semaphore = Semaphore::const_new(0);

impl<S: Sync> FromRequestParts<S> for Slow {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Infallible> {
        EXTRACTED.acquire().await.expect("it is open").forget();
        Ok(Slow)
    }
}

#[underscore_route(name = "kept.user", keep)]
async fn user(_: Slow, Path(id): Path<u32>) -> String {
    OPEN.acquire().await.expect("it is open").forget();
    id.to_string()
}

static ALLOWED: Semaphore = Semaphore::const_new(0);

#[underscore_frame]
async fn auth(request: Request, next: Next) -> Response {
    ALLOWED.acquire().await.expect("it is open").forget();
    next.run(request).await
}

/// True if `task` waits for `permits`. The await of the extractor is not annotated.
fn is_at(task: &Value, permits: &str) -> bool {
    let source = match permits {
        "EXTRACTED" => "next.run(request)".to_owned(),
        _ => format!("{permits}.acquire()"),
    };
    task["awaiting"] == source
}

/// Holds 10.17, 10.18 of docs/admin-api.md.
#[tokio::test]
async fn the_layer_sees_a_kept_handler_in_each_stage() {
    let app = Router::new()
        .route("/kept/users/{id}", get(user))
        .route_layer(RequestLayer::new())
        .layer(from_fn(auth))
        .layer(RequestLayer::new());
    let service = Service::start(app).await;
    // Its route is known from the second request on.
    for before in ["service", "middleware"] {
        let request = service.request(Method::GET, "/kept/users/7");
        let sent =
            tokio::spawn(async move { request.send().await.expect("an answer").text().await });
        let within = if before == "service" {
            "service"
        } else {
            "extractors"
        };
        let stages = [
            (before, "ALLOWED", &ALLOWED),
            (within, "EXTRACTED", &EXTRACTED),
            ("handler", "OPEN", &OPEN),
        ];
        for (stage, awaited, permits) in stages {
            let tasks = tasks_at(&service, "/kept/users/{id}", |tasks| {
                matches!(tasks, [task] if task["state"] == "waiting" && task["stage"] == stage && is_at(task, awaited))
            })
            .await;
            let name = if stage == "service" {
                Value::Null
            } else {
                "kept.user".into()
            };
            assert_eq!(tasks[0]["name"], name, "{stage}");
            permits.add_permits(1);
        }
        assert_eq!(sent.await.expect("it ends").expect("a body"), "7");
    }
    service
        .wait_for_ends("kept.user", &[("completed", 2)])
        .await;
    let route = service.route("kept.user").await;
    assert_eq!(
        (&route["path"], &route["seen_by"]),
        (&"/kept/users/{id}".into(), &"layer".into())
    );
}

#[underscore_route(get, "/kept/declared", name = "kept.declared", keep)]
async fn declared() -> String {
    called("declared").await
}

#[underscore_route(name = "kept.called", keep)]
async fn called(by: &str) -> String {
    std::future::ready(format!("called by {by}")).await
}

/// Holds 10.17 of docs/admin-api.md.
#[tokio::test]
async fn a_kept_handler_that_another_one_calls_is_part_of_it() {
    let app = Router::new()
        .route("/kept/declared", get(declared))
        .layer(RequestLayer::new());
    let service = Service::start(app).await;
    assert_eq!(
        service.get("/kept/declared").await.text,
        "called by declared"
    );
    service
        .wait_for_ends("kept.declared", &[("completed", 1)])
        .await;
    let row = service.route("kept.called").await;
    let expected = (&Value::from(false), &Value::from(0), &Value::Null);
    let seen = (&row["mounted"], &row["stats.req.total"], &row["seen_by"]);
    assert_eq!(seen, expected);
    let preempt = json!({"transient": {"preempt.status": 418}});
    service
        .put("_routes/kept.declared/settings", preempt)
        .await
        .ok_json();
    assert_eq!(service.get("/kept/declared").await.status, 418);
}

#[underscore_route(name = "kept.panics", keep)]
async fn panics() {
    panic!("as planned");
}

#[underscore_route(name = "kept.interrupted", keep)]
async fn interrupted() {
    std::future::pending::<()>().await;
}

/// Holds 10.11, 10.17 of docs/admin-api.md.
#[tokio::test]
async fn a_kept_handler_ends_like_any_other() {
    let app = Router::new()
        .route("/kept/panics", get(panics))
        .route("/kept/interrupted", get(interrupted))
        .layer(CatchPanicLayer::new())
        .layer(RequestLayer::new());
    let service = Service::start(app).await;
    assert_eq!(service.get("/kept/panics").await.status, 500);
    service
        .wait_for_ends("kept.panics", &[("panicked", 1)])
        .await;
    let request = service.request(Method::GET, "/kept/interrupted");
    let sent = tokio::spawn(async move { request.send().await.expect("an answer").status() });
    service.wait_for_waiting("kept.interrupted", 1).await;
    service
        .post("_routes/kept.interrupted/interrupt")
        .await
        .ok_json();
    assert_eq!(sent.await.expect("it ends"), 503);
    service
        .wait_for_ends("kept.interrupted", &[("interrupted", 1)])
        .await;
}

#[underscore_route(name = "kept.unseen", keep)]
async fn unseen() -> Response {
    Body::empty().into_response()
}

/// Holds 10.19 of docs/admin-api.md.
#[tokio::test]
async fn a_kept_handler_without_a_layer_has_no_numbers() {
    own_process!();
    let app = Router::new().route("/kept/unseen", get(unseen));
    let service = Service::start(app.clone()).await;
    LazyLock::force(&LOG);
    let row = service.route("kept.unseen").await;
    assert_eq!(
        (&row["stats.req.total"], &row["seen_by"]),
        (&0.into(), &Value::Null)
    );
    assert_eq!(service.get("/kept/unseen").await.status, 200);
    let row = service.route("kept.unseen").await;
    assert_eq!(
        (&row["stats.req.total"], &row["seen_by"]),
        (&Value::Null, &"nothing".into())
    );
    assert_eq!(row["stats.req.active"], Value::Null);
    let metrics = service.admin("_metrics").await.text;
    assert!(!metrics.contains("kept::unseen"), "{metrics}");
    assert_eq!(service.get("/kept/unseen").await.status, 200);
    let is_warning = |line: &&String| line.contains("RequestLayer");
    let lines = LOG.wait(|lines| lines.iter().any(|line| is_warning(&line)));
    assert_eq!(lines.iter().filter(is_warning).count(), 1, "{lines:#?}");

    let layered = Service::start(app.layer(RequestLayer::new())).await;
    assert_eq!(layered.get("/kept/unseen").await.status, 200);
    let row = service
        .wait_for_ends("kept.unseen", &[("completed", 1)])
        .await;
    assert_eq!(row["seen_by"], "layer");
}
