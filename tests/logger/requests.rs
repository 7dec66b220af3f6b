//! The setting `log`: events and spans of the requests of a route, whatever their targets.

use std::sync::LazyLock;
use std::time::Instant;

use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::sync::Barrier;
use underscore_runtime::{RequestLayer, spawn, spawn_blocking, track, underscore_route};

use crate::memory::Memory;
use crate::support::process::own_process;
use crate::support::{PATIENCE, Service};

/// Two requests meet here, so that they run at the same time.
static MEETING: LazyLock<Barrier> = LazyLock::new(|| Barrier::new(2));

/// The same code for both routes.
async fn helper(of: &'static str) {
    tracing::debug!("before, of {of}");
    MEETING.wait().await;
    let span = tracing::debug_span!("inner", of);
    span.in_scope(|| tracing::debug!(target: "sqlx::query", "after"));
    tracing::trace!("beyond, of {of}");
    let work = spawn("work", async move {
        tokio::task::yield_now().await;
        tracing::debug!("work of {of}");
        let _ = spawn_blocking("call", move || tracing::debug!("call of {of}")).await;
    });
    let _ = work.await;
    let _ = track("tracked", async { tracing::debug!("tracked of {of}") }).await;
}

#[underscore_route(name = "twice")]
async fn twice() {
    helper("twice").await;
}

#[underscore_route(name = "other")]
async fn other() {
    helper("other").await;
}

async fn both(service: &Service) {
    let (twice, other) = tokio::join!(service.get("/twice"), service.get("/other"));
    assert_eq!((twice.status, other.status), (200, 200));
}

/// Holds 18.13, 18.14, 4.14 of docs/admin-api.md.
#[tokio::test]
async fn only_the_requests_of_the_route_are_logged() {
    own_process!();
    let log = Memory::install("info");
    let app = Router::new()
        .route("/twice", get(twice))
        .route("/other", get(other));
    // One worker polls both in turn.
    let service = Service::start_on_workers(1, app).await;
    both(&service).await;
    assert!(!log.has("DEBUG"), "{}", log.text());

    // Before it has a level, and after the callsites were asked for.
    service.set("twice", "log", "debug").await;
    both(&service).await;
    tracing::debug!("of no request");
    let text = log.text();
    for shown in [
        "before, of twice",
        "inner{of=\"twice\"}: sqlx::query: after",
        "work of twice",
        "call of twice",
        "tracked of twice",
    ] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
    for hidden in ["other", "beyond", "of no request", "TRACE"] {
        let lines = text.lines().filter(|line| !line.contains("INFO"));
        assert!(
            !lines.clone().any(|line| line.contains(hidden)),
            "{hidden}: {text}"
        );
    }
    let shown = service.admin_json("_logger").await;
    let id = service.route("twice").await["id"].clone();
    assert_eq!(
        shown["routes"],
        json!({id.as_str().expect("an id"): "debug"})
    );
    assert_eq!(shown["max_level"], "debug");

    service.set("twice", "log", Value::Null).await;
    let before = log.text().matches("DEBUG").count();
    both(&service).await;
    assert_eq!(log.text().matches("DEBUG").count(), before);
    assert_eq!(service.admin_json("_logger").await["max_level"], "info");
}

#[underscore_route(name = "early")]
async fn early() {
    tracing::debug!("of the first request");
    let _ = spawn("work", async { tracing::debug!("of its work") }).await;
}

/// Holds 18.22 of docs/admin-api.md.
#[tokio::test]
async fn the_level_of_a_route_is_shown_with_the_time_that_it_has_left() {
    own_process!();
    let _log = Memory::install("info");
    let app = Router::new()
        .route("/early", get(early))
        .route("/earlier", get(early));
    let service = Service::start(app).await;
    service.get("/early").await;
    service.get("/earlier").await;
    let rows = service.admin_json("_cat/routes/early?format=json").await;
    let id = |path: &str| {
        let mut rows = rows.as_array().expect("a table").iter();
        let row = rows.find(|row| row["path"] == path).expect("it is listed");
        row["id"].as_str().expect("an id").to_owned()
    };
    let (early, earlier) = (id("/early"), id("/earlier"));
    let handler = early.split('-').next().expect("an id");
    let put = async |route: &str, body: Value| {
        let path = format!("_routes/{route}/settings");
        service.put(&path, body).await.ok_json();
        let shown = service.admin_json("_logger").await;
        (shown["routes"].clone(), shown["routes_expires_in"].clone())
    };
    let is_left =
        |left: &Value, begins: &str| left.as_str().is_some_and(|left| left.starts_with(begins));

    let (routes, left) = put(handler, json!({"transient": {"log": "debug"}})).await;
    assert_eq!(routes, json!({&early: "debug", &earlier: "debug"}));
    assert_eq!(left, json!(null));

    let body = json!({"transient": {"log": "trace"}, "expires_in": "100m"});
    let (routes, left) = put(&early, body).await;
    assert_eq!(routes, json!({&early: "trace", &earlier: "debug"}));
    assert!(is_left(&left[&early], "1.6h"), "{left}");
    assert_eq!(left[&earlier], json!(null), "{left}");

    let body = json!({"transient": {"log": "info"}, "expires_in": "5h"});
    let (routes, left) = put(handler, body).await;
    assert_eq!(
        routes,
        json!({&early: "trace", &earlier: "info"}),
        "its own"
    );
    assert!(is_left(&left[&early], "1.6h"), "{left}");
    assert!(is_left(&left[&earlier], "4.9h"), "{left}");
}

/// Holds 18.22 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn levels_of_routes_are_read_while_they_change_and_expire() {
    own_process!();
    let _log = Memory::install("info");
    let paths: Vec<String> = (0..50).map(|number| format!("/early/{number}")).collect();
    let app = paths
        .iter()
        .fold(Router::new(), |app, path| app.route(path, get(early)));
    let service = Service::start(app).await;
    for path in &paths {
        service.get(path).await;
    }
    let rows = service.admin_json("_cat/routes/early?format=json").await;
    let id = rows[0]["id"].as_str().expect("an id");
    let handler = id.split('-').next().expect("an id");
    let change = async {
        for _ in 0..200 {
            let body = json!({"transient": {"log": "debug"}, "expires_in": "10ms"});
            let path = format!("_routes/{handler}/settings");
            service.put(&path, body).await.ok_json();
        }
    };
    let read = async || {
        for _ in 0..200 {
            service.admin_json("_logger").await;
        }
    };
    tokio::join!(change, read(), read());
}

/// Holds 18.13, 18.15 of docs/admin-api.md.
#[tokio::test]
async fn the_first_request_of_a_route_is_logged_until_the_setting_expires() {
    own_process!();
    let log = Memory::install("info");
    let service = Service::start(Router::new().route("/early", get(early))).await;
    let body = json!({"transient": {"log": "debug"}, "expires_in": "1s"});
    let set = service.put("_routes/early/settings", body).await;
    assert!(set.text.contains("debug"), "{}", set.text);
    service.get("/early").await;
    assert!(log.has("of the first request"), "{}", log.text());
    let deadline = Instant::now() + PATIENCE;
    while !log.has("of its work") {
        assert!(Instant::now() < deadline, "{}", log.text());
        service.get("/early").await;
    }
    while service.admin_json("_logger").await["max_level"] != "info" {
        assert!(Instant::now() < deadline);
    }
    let before = log.text().matches("DEBUG").count();
    service.get("/early").await;
    assert_eq!(log.text().matches("DEBUG").count(), before);
    assert_eq!(service.admin_json("_logger").await["routes"], json!({}));
}

/// Holds 18.13, 18.14 of docs/admin-api.md.
#[tokio::test]
async fn a_route_of_a_layer_shows_more_than_the_target_does() {
    own_process!();
    let log = Memory::install("info");
    let closure = || async { tracing::debug!(target: "sqlx", "in a closure") };
    let app = Router::new()
        .route("/closure", get(closure))
        .layer(RequestLayer::new());
    let service = Service::start(app).await;
    service.get("/closure").await;
    let hidden = service
        .put("_logger", json!({"transient": {"sqlx": "off"}}))
        .await;
    hidden.ok_json();
    let body = json!({"transient": {"log": "debug"}});
    service.put("_routes/_all/settings", body).await.ok_json();
    tracing::error!(target: "sqlx", "outside");
    service.get("/closure").await;
    assert!(
        log.has("in a closure") && !log.has("outside"),
        "{}",
        log.text()
    );
}
