//! Settings of a handler's route act once for each request, wherever the layer has begun it, and
//! what is shown of a request is right after it has moved to another route.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use futures_util::poll;
use serde_json::json;
use tower::{Layer, ServiceExt};
use underscore_runtime::{RequestLayer, spawn, underscore_route};

use super::{Latch, assert_ends, only_task, request, scripted, send, tasks};
use crate::admin::Operator;
use crate::hand::poll as poll_once;
use crate::script::{Piece, Step};

fn set(route: &str, settings: &serde_json::Value) {
    let path = format!("_routes/{route}/settings");
    Operator::connect().put(&path, &json!({ "transient": settings }));
}

fn status(app: &Router, path: &str) -> u16 {
    match poll_once(&mut send(app, request(path).1)) {
        std::task::Poll::Ready(response) => response.status().as_u16(),
        std::task::Poll::Pending => panic!("it answers at once"),
    }
}

#[underscore_route(name = "settings.retried")]
async fn retried() -> &'static str {
    "handled"
}

/// Middleware repeats a request that the settings of its handler's route have refused.
#[test]
fn a_repeated_request_is_refused_each_time() {
    let path = "/settings.retried";
    let retry = |request: Request, next: Next| async move {
        let (parts, _) = request.into_parts();
        let copy = || Request::from_parts(parts.clone(), axum::body::Body::empty());
        let refused = next.clone().run(copy()).await;
        assert_eq!(refused.status(), 418);
        next.run(copy()).await
    };
    let app = Router::new()
        .route(path, get(retried))
        .layer(from_fn(retry))
        .layer(RequestLayer::new());
    set("settings.retried", &json!({ "preempt.status": 418 }));
    assert_eq!(status(&app, path), 418);
    assert_ends("settings.retried", &[("preempted", 1)]);
    set("settings.retried", &json!({ "*": null }));
}

#[underscore_route(name = "settings.queued")]
async fn queued() -> &'static str {
    "handled"
}

/// Several requests wait in middleware before the layer knows where their handler is.
#[test]
fn settings_act_on_each_request_that_began_before_its_handler_was_known() {
    let path = "/settings.queued";
    let latch = Latch::default();
    let held = latch.clone();
    let app = Router::new()
        .route(path, get(queued))
        .layer(from_fn(move |request: Request, next: Next| {
            let held = held.clone();
            async move {
                held.pass().await;
                next.run(request).await
            }
        }))
        .layer(RequestLayer::new())
        .with_state(());
    set("settings.queued", &json!({ "preempt.status": 418 }));
    let mut sent = [(); 3].map(|()| send(&app, request(path).1));
    assert!(sent.iter_mut().all(|sent| poll_once(sent).is_pending()));
    latch.open();
    for sent in &mut sent {
        match poll_once(sent) {
            std::task::Poll::Ready(response) => assert_eq!(response.status(), 418),
            std::task::Poll::Pending => panic!("it answers at once"),
        }
    }
    assert_ends("settings.queued", &[("preempted", 3)]);
    set("settings.queued", &json!({ "*": null }));
}

#[underscore_route(get, "/settings.delayed", name = "settings.delayed")]
async fn delayed() -> &'static str {
    "handled"
}

/// An inner layer knows the route that an outer one does not see.
#[tokio::test]
async fn a_delay_acts_in_an_inner_layer() {
    let path = "/settings.delayed";
    let routes = Router::new().route(path, get(delayed));
    let inner = routes.layer(RequestLayer::named("settings.delayed.inner"));
    let outer = RequestLayer::named("settings.delayed.outer");
    let app = outer.layer(inner.with_state(()));
    set("settings.delayed", &json!({ "delay": "20ms" }));
    for round in 1..=2 {
        let mut sent = send(&app, request(path).1);
        assert!(poll!(&mut sent).is_pending(), "it is delayed");
        let task = only_task("settings.delayed");
        assert_eq!(
            (&task["awaiting"], &task["name"]),
            (&json!("delay"), &json!("settings.delayed"))
        );
        assert_eq!(sent.await.status(), 200);
        assert_ends("settings.delayed", &[("completed", round)]);
    }
    set("settings.delayed", &json!({ "*": null }));
}

#[underscore_route(name = "settings.spawns")]
async fn spawns() {
    drop(spawn("of the handler", std::future::pending::<()>()));
}

/// Work is begun in the middleware, before the request is on the route of its handler, and in the
/// handler.
#[tokio::test]
async fn work_of_a_handler_belongs_to_its_route() {
    let path = "/settings.spawns";
    let spawn_and_run = |request: Request, next: Next| async move {
        drop(spawn("of middleware", std::future::pending::<()>()));
        next.run(request).await
    };
    let routes = Router::new().route(path, get(spawns));
    let routes = routes.layer(from_fn(spawn_and_run));
    let layer = RequestLayer::named("settings.spawns.fallback");
    let app = layer.layer(routes.with_state(()));
    let response: Response = app.oneshot(request(path).1).await.expect("infallible");
    assert_eq!(response.status(), 200);
    let rows = tasks("settings.spawns");
    let of_handler = rows.iter().find(|row| row["name"] == "of the handler");
    assert_eq!(of_handler.expect("it is listed")["path"], path, "{rows:#?}");
    Operator::connect().post("_tasks/_cancel?wait_for_completion=false&routes=settings.spawns*");
}

#[underscore_route(get, "/settings.rewritten", name = "settings.rewritten")]
async fn rewritten() {}

/// Middleware sends a request on to another path, where another handler answers. The URI equals the
/// path of the first route, which does not store it.
#[test]
fn a_request_that_is_sent_on_to_another_path_counts_once_and_keeps_its_uri() {
    let other = Router::new().route("/settings.rewritten.to", get(scripted));
    let send_on = move |mut request: Request, _: Next| {
        let other = other.clone();
        async move {
            *request.uri_mut() = "/settings.rewritten.to".parse().expect("a URI");
            other.oneshot(request).await.expect("infallible")
        }
    };
    let app = Router::new()
        .route("/settings.rewritten", get(rewritten))
        .layer(from_fn(send_on))
        .layer(RequestLayer::new())
        .with_state(());
    for (round, query) in [(1, "?with=query"), (2, ""), (3, "")] {
        let (script, request) = request(&format!("/settings.rewritten{query}"));
        let mut sent = send(&app, request);
        script.set(Step::Extract, Piece::Wait);
        assert!(poll_once(&mut sent).is_pending());
        let task = only_task("settings.rewritten");
        assert_eq!(task["uri"], format!("/settings.rewritten{query}"));
        // axum appends the path to the one that it has matched before.
        let path = task["path"].as_str().expect("a path");
        assert!(path.ends_with("/settings.rewritten.to"), "{path}");
        script.set(Step::Answer(200), Piece::Wait);
        assert!(poll_once(&mut sent).is_ready());
        assert_ends("settings.rewritten", &[("completed", round)]);
    }
}
