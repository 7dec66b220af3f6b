//! Settings between a layer and a handler inside: each acts once.

use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use reqwest::Method;
use serde_json::json;
use tokio::sync::Semaphore;
use tower::Layer;
use underscore_runtime::{RequestLayer, track, underscore_route};

use super::tasks_at;
use crate::support::Service;

static FIRST: Semaphore = Semaphore::const_new(0);

#[underscore_route(name = "levers.first")]
async fn first() -> &'static str {
    "first"
}

async fn wait_for_first(request: Request, next: Next) -> Response {
    FIRST.acquire().await.expect("it is open").forget();
    next.run(request).await
}

#[tokio::test]
async fn settings_of_a_handler_act_on_all_requests_that_began_before_it_was_known() {
    let app = Router::new()
        .route("/levers/first", get(first))
        .layer(from_fn(wait_for_first))
        .layer(RequestLayer::new());
    let service = Service::start(app).await;
    let preempt = json!({"transient": {"preempt.status": 418}});
    service
        .put("_routes/levers.first/settings", preempt)
        .await
        .ok_json();
    let sent: Vec<_> = (0..4)
        .map(|_| tokio::spawn(service.request(Method::GET, "/levers/first").send()))
        .collect();
    tasks_at(&service, "/levers/first", |tasks| tasks.len() == 4).await;
    FIRST.add_permits(4);
    for sent in sent {
        let answer = sent.await.expect("it ends").expect("an answer");
        assert_eq!(answer.status(), 418);
    }
    service
        .wait_for_ends("levers.first", &[("preempted", 4)])
        .await;
}

#[underscore_route(name = "levers.adopted")]
async fn adopted() -> &'static str {
    "adopted"
}

/// Middleware that answers requests without the header `allowed`.
async fn only_allowed(request: Request, next: Next) -> Response {
    if request.headers().contains_key("allowed") {
        return next.run(request).await;
    }
    let mut response = Response::default();
    *response.status_mut() = axum::http::StatusCode::UNAUTHORIZED;
    response
}

#[tokio::test]
async fn settings_of_a_layers_route_act_once_on_the_request_that_reaches_its_handler() {
    let app = Router::new()
        .route("/levers/adopted", get(adopted))
        .layer(from_fn(only_allowed))
        .layer(RequestLayer::new());
    let service = Service::start(app).await;
    assert_eq!(service.get("/levers/adopted").await.status, 401);
    let settings = json!({"transient": {"limit.rate": 0.01, "delay": "200ms"}});
    service
        .put("_routes/GET%20%2Flevers%2Fadopted/settings", settings)
        .await
        .ok_json();
    let begun = Instant::now();
    let request = service.request(Method::GET, "/levers/adopted");
    let answer = request.header("allowed", "1").send().await;
    assert_eq!(answer.expect("an answer").status(), 200);
    let took = begun.elapsed();
    assert!(took < Duration::from_millis(390), "{took:?}");
    assert_eq!(service.get("/levers/adopted").await.status, 429);
    service
        .wait_for_ends("levers.adopted", &[("completed", 2), ("rejected", 1)])
        .await;
}

#[tokio::test]
async fn the_delay_of_an_inner_layers_route_acts() {
    let app = Router::new()
        .route("/levers/delayed", get(|| async { "delayed" }))
        .layer(RequestLayer::new());
    let whole = RequestLayer::named("levers.whole").layer(app);
    let service = Service::start(Router::new().fallback_service(whole)).await;
    assert_eq!(service.get("/levers/delayed").await.status, 200);
    let delay = json!({"transient": {"delay": "50ms"}});
    service
        .put("_routes/GET%20%2Flevers%2Fdelayed/settings", delay)
        .await
        .ok_json();
    let begun = Instant::now();
    assert_eq!(service.get("/levers/delayed").await.status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(50));
}

#[underscore_route(name = "levers.spawned")]
async fn spawned() -> &'static str {
    "spawned"
}

#[underscore_route(name = "levers.spawned.hangs")]
async fn hangs() {
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn settings_of_a_handler_that_middleware_spawns_act() {
    let spawns = from_fn(|request: Request, next: Next| async move {
        tokio::spawn(next.run(request)).await.expect("it ends")
    });
    let app = Router::new()
        .route("/levers/spawned", get(spawned))
        .route("/levers/spawned/hangs", get(hangs))
        .layer(spawns);
    let whole = RequestLayer::named("levers.spawned.whole").layer(app);
    let service = Service::start(Router::new().fallback_service(whole)).await;
    let preempt = json!({"transient": {"preempt.status": 418}});
    service
        .put("_routes/levers.spawned/settings", preempt)
        .await
        .ok_json();
    assert_eq!(service.get("/levers/spawned").await.status, 418);
    service
        .wait_for_ends("levers.spawned", &[("preempted", 1)])
        .await;
    let timeout = json!({"transient": {"timeout": "40ms"}});
    service
        .put("_routes/levers.spawned.hangs/settings", timeout)
        .await
        .ok_json();
    assert_eq!(service.get("/levers/spawned/hangs").await.status, 504);
    service
        .wait_for_ends("levers.spawned.hangs", &[("expired", 1)])
        .await;
}

#[underscore_route(name = "levers.spawned.adopted")]
async fn spawned_adopted() -> &'static str {
    "spawned"
}

#[tokio::test]
async fn settings_of_a_layers_route_stay_when_middleware_spawns_its_handler() {
    let spawns = from_fn(|request: Request, next: Next| async move {
        tokio::spawn(next.run(request)).await.expect("it ends")
    });
    let app = Router::new()
        .route("/levers/spawned_adopted", get(spawned_adopted))
        .layer(spawns)
        .layer(from_fn(only_allowed))
        .layer(RequestLayer::new());
    let service = Service::start(app).await;
    assert_eq!(service.get("/levers/spawned_adopted").await.status, 401);
    let limit = json!({"transient": {"limit.active": 9}});
    service
        .put("_routes/GET%20%2Flevers%2Fspawned_adopted/settings", limit)
        .await
        .ok_json();
    let request = service.request(Method::GET, "/levers/spawned_adopted");
    let answer = request.header("allowed", "1").send().await;
    assert_eq!(answer.expect("an answer").status(), 200);
    let row = service
        .wait_for_ends("levers.spawned.adopted", &[("completed", 2)])
        .await;
    let settings = service
        .admin_json("_routes/levers.spawned.adopted/settings?flat_settings")
        .await;
    let id = row["id"].as_str().expect("an id");
    assert_eq!(settings[id]["transient"], json!({"limit.active": 9}));
}

#[underscore_route(name = "levers.tracks")]
async fn tracks(request: Request) -> Response {
    let mut inner = Router::new().route("/levers/{tracks}", get(tracked));
    let call = tower::Service::call(&mut inner, request);
    let answer = track("inner", call).await.expect("it is not interrupted");
    answer.unwrap_or_else(|never| match never {})
}

#[underscore_route(name = "levers.tracked")]
async fn tracked() -> &'static str {
    "tracked"
}

#[tokio::test]
async fn a_handler_that_another_one_tracks_is_part_of_its_request() {
    let app = Router::new()
        .route("/levers/tracks", get(tracks))
        .layer(RequestLayer::new());
    let service = Service::start(app).await;
    assert_eq!(service.get("/levers/tracks").await.text, "tracked");
    service
        .wait_for_ends("levers.tracks", &[("completed", 1)])
        .await;
    let row = service.route("levers.tracked").await;
    assert_eq!(row["stats.req.total"], 0, "{row:#}");
}
