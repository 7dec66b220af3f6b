//! Mounting: nested, merged, chained, layered, as a fallback, on several paths, with its own state;
//! and the rows of `_cat/routes` for each.

use axum::extract::{FromRef, Path, State};
use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{any, get, post};
use axum::{Extension, Router, middleware};
use serde_json::Value;
use underscore_runtime::underscore_route;

use crate::support::Service;

#[underscore_route(name = "mounts.nested")]
async fn nested(Path(version): Path<String>) -> String {
    version
}

/// Holds 2.19 of docs/admin-api.md.
#[tokio::test]
async fn the_path_of_a_nested_route_has_the_prefix_and_the_id_is_short_for_one_mount() {
    let api = Router::new().route("/users", get(nested));
    let service = Service::start(Router::new().nest("/api/{version}", api)).await;
    let before = service.route("mounts.nested").await;
    assert_eq!(
        (&before["path"], &before["method"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(service.get("/api/v2/users").await.text, "v2");
    let row = service.route("mounts.nested").await;
    assert_eq!(row["path"], "/api/{version}/users");
    assert_eq!(row["method"], "GET");
    assert_eq!(
        row["id"], before["id"],
        "the id does not change with the first request"
    );
    assert_eq!(row["id"].as_str().map(str::len), Some(8));
}

#[underscore_route(name = "mounts.twice")]
async fn twice() -> &'static str {
    "twice"
}

/// Holds 2.13, 2.14 of docs/admin-api.md.
#[tokio::test]
async fn a_handler_on_two_paths_is_two_rows_and_its_short_id_selects_both() {
    let app = Router::new()
        .route("/one", get(twice))
        .merge(Router::new().route("/two", post(twice)));
    let service = Service::start(app).await;
    let short = service.route("mounts.twice").await["id"].clone();
    let short = short.as_str().expect("an id");
    service.get("/one").await;
    service
        .request(Method::POST, "/two")
        .send()
        .await
        .expect("an answer");
    let rows = service
        .admin_json(&format!("_cat/routes/{short}?format=json"))
        .await;
    let rows = rows.as_array().expect("a table");
    let shown: Vec<_> = rows
        .iter()
        .map(|row| (&row["method"], &row["path"]))
        .collect();
    assert_eq!(
        shown,
        [
            (&"GET".into(), &"/one".into()),
            (&"POST".into(), &Value::from("/two"))
        ]
    );
    let ids: Vec<&str> = rows.iter().filter_map(|row| row["id"].as_str()).collect();
    for id in &ids {
        let (handler, mount) = id.split_once('-').expect("the digits of the mount");
        assert_eq!((handler, mount.len()), (short, 4));
        assert_eq!(service.route(id).await["stats.req.total"], 1);
    }
    assert_ne!(ids[0], ids[1]);
}

#[underscore_route(get, "/chain", name = "mounts.read")]
async fn read() -> &'static str {
    "read"
}

#[underscore_route(POST, "/chain", name = "mounts.write")]
async fn write() -> StatusCode {
    StatusCode::CREATED
}

#[tokio::test]
async fn handlers_are_chained_on_one_path_and_head_is_served_by_get() {
    let service = Service::start(Router::new().route("/chain", get(read).post(write))).await;
    assert_eq!(service.route("mounts.read").await["mounted"], false);
    let declared = service.route("mounts.write").await;
    assert_eq!(
        (&declared["method"], &declared["path"]),
        (&"POST".into(), &"/chain".into())
    );
    assert_eq!(service.get("/chain").await.text, "read");
    let head = service
        .request(Method::HEAD, "/chain")
        .send()
        .await
        .expect("an answer");
    assert_eq!(head.headers()["content-length"], "4");
    assert_eq!(head.text().await.expect("text"), "");
    let write = service
        .request(Method::POST, "/chain")
        .send()
        .await
        .expect("an answer");
    assert_eq!(write.status(), 201);
    let put = service
        .request(Method::PUT, "/chain")
        .send()
        .await
        .expect("an answer");
    assert_eq!(put.status(), 405);
    let read = service
        .wait_for("mounts.read", "stats.end.completed", 2)
        .await;
    assert_eq!(
        (&read["method"], &read["stats.req.total"]),
        (&"GET".into(), &2.into())
    );
    assert_eq!(service.route("mounts.write").await["stats.req.total"], 1);
}

#[underscore_route]
async fn layered(Extension(word): Extension<&'static str>) -> &'static str {
    word
}

#[underscore_route]
async fn guarded() -> &'static str {
    "guarded"
}

#[tokio::test]
async fn a_handler_may_have_layers_of_its_own() {
    let teapot = middleware::from_fn(async |_: axum::extract::Request, _: middleware::Next| {
        StatusCode::IM_A_TEAPOT.into_response()
    });
    let app = Router::new()
        .route("/layered", get(layered.layer(Extension("layer"))))
        .route("/guarded", get(guarded.layer(teapot)));
    let service = Service::start(app).await;
    assert_eq!(service.get("/layered").await.text, "layer");
    assert_eq!(service.get("/guarded").await.status, 418);
}

#[underscore_route(name = "mounts.fallback")]
async fn fallback() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "nothing here")
}

#[underscore_route(name = "mounts.method_fallback")]
async fn method_fallback() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}

#[underscore_route(any, "/any", name = "mounts.any")]
async fn anything(method: Method) -> String {
    method.to_string()
}

/// Holds 2.19 of docs/admin-api.md.
#[tokio::test]
async fn a_handler_may_be_a_fallback_or_take_any_method() {
    let app = Router::new()
        .route("/any", any(anything))
        .route("/get", get(read).fallback(method_fallback))
        .fallback(fallback);
    let service = Service::start(app).await;
    assert_eq!(service.route("mounts.any").await["method"], "ANY");
    assert_eq!(service.get("/nowhere").await.text, "nothing here");
    assert_eq!(service.route("mounts.fallback").await["path"], Value::Null);
    let answer = service
        .request(Method::PUT, "/get")
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 501);
    let answer = service
        .request(Method::DELETE, "/any")
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.text().await.expect("text"), "DELETE");
}

#[derive(Clone)]
struct App {
    greeting: &'static str,
    limit: Limit,
}

#[derive(Clone, Copy)]
struct Limit(u8);

impl FromRef<App> for Limit {
    fn from_ref(app: &App) -> Self {
        app.limit
    }
}

#[underscore_route]
async fn with_parts_of_state(State(limit): State<Limit>, State(app): State<App>) -> String {
    format!("{} {}", app.greeting, limit.0)
}

#[underscore_route]
async fn without_state() -> &'static str {
    "stateless"
}

#[tokio::test]
async fn a_handler_takes_the_routers_state_or_a_part_of_it_or_none() {
    let app = App {
        greeting: "hello",
        limit: Limit(3),
    };
    let router: Router<()> = Router::new()
        .route("/parts", get(with_parts_of_state))
        .route("/none", get(without_state))
        .with_state(app);
    let service = Service::start(router).await;
    assert_eq!(service.get("/parts").await.text, "hello 3");
    assert_eq!(service.get("/none").await.text, "stateless");
}
