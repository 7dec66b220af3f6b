//! Persistent settings of a layer's routes, which are known from their first request on.

use axum::Router;
use axum::routing::get;
use serde_json::json;
use underscore_runtime::{RequestLayer, RouterExt as _, underscore_route};

use super::Kept;

#[underscore_route(name = "layered.adopted")]
async fn adopted() -> &'static str {
    "answered"
}

fn app() -> Router {
    Router::new()
        .route("/layered/ping", get(|| async { "pong" }))
        .route("/layered/adopted", get(adopted))
        .layer(RequestLayer::named("layered"))
}

/// Holds 10.13 of docs/admin-api.md.
#[tokio::test]
async fn the_file_names_a_route_of_a_layer_by_method_and_path() {
    let text = json!({"GET /layered/ping": {"persistent": {"preempt": {"status": 418}}}, "layered": {"persistent": {"preempt": {"status": 410}}}});
    let kept = Kept::start_with(Some(&text.to_string()), app()).await;
    assert_eq!(
        kept.service.get("/layered/ping").await.status,
        418,
        "its first request"
    );
    assert_eq!(kept.service.get("/layered/nowhere").await.status, 410);

    let path = "_routes/GET%20%2Flayered%2Fping/settings";
    let body = json!({"persistent": {"timeout": "9s"}});
    kept.service.put(path, body).await.ok_json();
    let section = json!({"preempt": {"status": 418}, "timeout": "9s"});
    assert_eq!(
        kept.on_disk()["GET /layered/ping"],
        json!({"persistent": section})
    );
    let body = json!({"persistent": null});
    kept.service.put(path, body).await.ok_json();
    assert_eq!(kept.on_disk()["GET /layered/ping"], json!(null));
    assert_eq!(kept.service.get("/layered/ping").await.status, 200);
}

/// Holds 10.9, 10.13 of docs/admin-api.md.
#[tokio::test]
async fn settings_of_a_layers_route_stay_when_a_handler_is_found_there() {
    let text = json!({"GET /layered/adopted": {"persistent": {"limit": {"active": 7}}}});
    let kept = Kept::start_with(Some(&text.to_string()), app()).await;
    assert_eq!(kept.service.get("/layered/adopted").await.text, "answered");
    let id = super::id_of(&kept.service, "layered.adopted").await;
    let settings = kept.settings().await;
    assert_eq!(
        settings[&id]["persistent"],
        json!({"limit.active": 7}),
        "{settings:#}"
    );

    // Another change of the file does not lose them.
    let body = json!({"persistent": {"timeout": "9s"}});
    kept.service
        .put("_routes/layered.adopted/settings", body)
        .await
        .ok_json();
    let settings = kept.settings().await;
    assert_eq!(
        settings[&id]["persistent"],
        json!({"limit.active": 7, "timeout": "9s"}),
        "{:#}",
        kept.on_disk()
    );
}

#[underscore_route(get, "/layered/known", name = "layered.known")]
async fn known() -> &'static str {
    "answered"
}

/// Holds 10.13 of docs/admin-api.md.
#[tokio::test]
async fn settings_of_a_place_apply_to_a_handler_that_is_known_there_from_the_start() {
    let text = json!({"GET /layered/known": {"persistent": {"preempt": {"status": 418}}}});
    let app = Router::new().mount(known).layer(RequestLayer::new());
    let kept = Kept::start_with(Some(&text.to_string()), app).await;
    assert_eq!(kept.service.get("/layered/known").await.status, 418);

    let body = json!({"persistent": {"preempt.status": 410}});
    let path = "_routes/GET%20%2Flayered%2Fknown/settings";
    kept.service.put(path, body).await.ok_json();
    assert_eq!(kept.service.get("/layered/known").await.status, 410);
}
