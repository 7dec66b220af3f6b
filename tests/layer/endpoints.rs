//! Each answered request is counted once, on the route that answers it.

use std::convert::Infallible;
use std::future::ready;

use axum::Router;
use axum::extract::{Path, Request, WebSocketUpgrade};
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use serde_json::Value;
use tower::service_fn;
use underscore_runtime::{RequestLayer, RouterExt as _, underscore_route};

use crate::support::Service;

#[underscore_route(name = "endpoints.user")]
async fn user(Path(id): Path<u32>) -> String {
    id.to_string()
}

#[underscore_route(get, "/endpoints/declared", name = "endpoints.declared")]
async fn declared() -> &'static str {
    "declared"
}

#[underscore_route(name = "endpoints.any")]
async fn of_any_method() -> &'static str {
    "any"
}

#[underscore_route(name = "endpoints.socket")]
async fn socket(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|_| async {})
}

#[allow(clippy::needless_pass_by_value, reason = "as services take it")]
fn echo(request: Request) -> std::future::Ready<Result<Response, Infallible>> {
    ready(Ok(request.uri().path().to_owned().into_response()))
}

fn app() -> Router {
    let inner = Router::new()
        .route("/users/{id}", get(user))
        .route("/closure", get(|| async { "closure" }))
        .nest_service("/deep", service_fn(echo));
    Router::new()
        .nest("/endpoints/nested", inner)
        .mount(declared)
        .route("/endpoints/users/{id}", get(user))
        .route("/endpoints/any", any(of_any_method))
        .route(
            "/endpoints/closure",
            get(|| async { "closure" }).post(|| async { "posted" }),
        )
        .route("/endpoints/ws", get(socket))
        .nest_service("/endpoints/files", service_fn(echo))
        .route_service("/endpoints/service/{id}", service_fn(echo))
        .merge(Router::new().route("/endpoints/merged", get(|| async { "merged" })))
        .layer(RequestLayer::named("endpoints.fallback"))
}

/// The number of requests by method, path and handler of all routes whose path or name begins with
/// `prefix`.
async fn totals(service: &Service, prefix: &str) -> Vec<(String, String, String, u64)> {
    let rows = service.admin_json("_cat/routes?format=json&h=*").await;
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let rows = rows.as_array().expect("a table").iter();
    let ours = rows.filter(|row| {
        [&row["path"], &row["name"]]
            .iter()
            .any(|at| text(at).trim_start_matches('/').starts_with(prefix))
    });
    ours.map(|row| {
        let total = row["stats.req.total"].as_u64().expect("a number");
        let handler = text(&row["handler"]);
        let handler = handler.rsplit("::").next().unwrap_or("-").to_owned();
        (text(&row["method"]), text(&row["path"]), handler, total)
    })
    .collect()
}

/// Holds 10.1, 10.3, 10.4, 10.5 of docs/admin-api.md.
#[tokio::test]
async fn each_request_is_counted_once_on_the_route_that_answers_it() {
    let service = Service::start(app()).await;
    let mut sent = 0;
    for (method, path, status) in [
        (Method::GET, "/endpoints/users/1", 200),
        (Method::GET, "/endpoints/users/2", 200),
        (Method::GET, "/endpoints/users/x", 400),
        (Method::HEAD, "/endpoints/users/3", 200),
        (Method::POST, "/endpoints/users/3", 405),
        (Method::POST, "/endpoints/users/4", 405),
        (Method::GET, "/endpoints/declared", 200),
        (Method::GET, "/endpoints/any", 200),
        (Method::PUT, "/endpoints/any", 200),
        (Method::GET, "/endpoints/closure", 200),
        (Method::GET, "/endpoints/closure", 200),
        (Method::POST, "/endpoints/closure", 200),
        (Method::DELETE, "/endpoints/closure", 405),
        (Method::GET, "/endpoints/ws", 400),
        (Method::GET, "/endpoints/files/a/b", 200),
        (Method::GET, "/endpoints/files/c", 200),
        (Method::GET, "/endpoints/files", 200),
        (Method::GET, "/endpoints/service/7", 200),
        (Method::GET, "/endpoints/merged", 200),
        (Method::GET, "/endpoints/nested/users/5", 200),
        (Method::GET, "/endpoints/nested/closure", 200),
        (Method::GET, "/endpoints/nested/deep/er", 200),
        (Method::GET, "/endpoints/nowhere", 404),
        (Method::GET, "/other", 404),
    ] {
        let answer = service
            .request(method.clone(), path)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status().as_u16(), status, "{method} {path}");
        sent += 1;
    }
    let mut totals = totals(&service, "endpoints").await;
    totals.sort();
    let expected = [
        ("ANY", "-", "-", 5),
        ("GET", "/endpoints/any", "of_any_method", 1),
        ("GET", "/endpoints/closure", "-", 2),
        ("GET", "/endpoints/declared", "declared", 1),
        ("GET", "/endpoints/files", "-", 1),
        ("GET", "/endpoints/files/", "-", 2),
        ("GET", "/endpoints/merged", "-", 1),
        ("GET", "/endpoints/nested/closure", "-", 1),
        ("GET", "/endpoints/nested/deep/", "-", 1),
        ("GET", "/endpoints/nested/users/{id}", "user", 1),
        ("GET", "/endpoints/service/{id}", "-", 1),
        ("GET", "/endpoints/users/{id}", "user", 4),
        ("GET", "/endpoints/ws", "socket", 1),
        ("POST", "/endpoints/closure", "-", 1),
        ("PUT", "/endpoints/any", "of_any_method", 1),
    ];
    let expected: Vec<_> = expected
        .map(|(method, path, handler, total)| {
            (
                method.to_owned(),
                path.to_owned(),
                handler.to_owned(),
                total,
            )
        })
        .into();
    assert_eq!(totals, expected);
    let sum: u64 = totals.iter().map(|(.., total)| total).sum();
    assert_eq!(sum, sent);
}

#[underscore_route(get, "/elsewhere", name = "elsewhere")]
async fn mounted_elsewhere() {}

/// Holds 10.3 of docs/admin-api.md.
#[tokio::test]
async fn a_declared_place_is_not_the_handlers_once_it_is_reached_in_another_router() {
    let path = "/elsewhere";
    let closure = Router::new()
        .route(path, get(|| async { "closure" }))
        .layer(RequestLayer::new());
    let handler = Router::new()
        .mount(mounted_elsewhere)
        .layer(RequestLayer::new());
    let closure = Service::start(closure).await;
    let handler = Service::start(handler).await;
    // The first one counts on the handler, whose attribute is all that is known of the place.
    for service in [&closure, &handler, &closure, &closure] {
        assert_eq!(service.get(path).await.status, 200);
    }
    handler
        .wait_for_ends("elsewhere", &[("completed", 2)])
        .await;
    let rows = closure
        .admin_json("_cat/routes/GET%20%2Felsewhere?format=json&h=handler,total")
        .await;
    let rows = rows.as_array().expect("a table");
    let of_closure = rows.iter().find(|row| row["handler"].is_null());
    assert_eq!(
        of_closure.expect("a row of the layer")["total"],
        2,
        "{rows:#?}"
    );
}
