//! What is kept is bounded, and fair: a route with very many bad ends displaces only its own.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::http::StatusCode;
use tower::ServiceExt as _;
use underscore_runtime::{RouterExt as _, underscore_route};

use super::ended;
use crate::support::Service;
use crate::support::process::own_process;

#[underscore_route(get, "/rare", name = "kept.rare")]
async fn rare() -> StatusCode {
    StatusCode::BAD_GATEWAY
}

#[underscore_route(get, "/frequent/{number}", name = "kept.frequent")]
async fn frequent(Path(number): Path<u32>) -> StatusCode {
    match number {
        0 => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Sends requests without a network.
async fn call(app: &Router, path: &str) -> StatusCode {
    let request = Request::get(path).body(Body::empty()).expect("it is valid");
    let response = app.clone().oneshot(request).await;
    response.expect("it never fails").status()
}

/// Holds 12.2, 12.15 of docs/admin-api.md.
#[tokio::test]
async fn many_bad_ends_displace_only_those_of_their_route() {
    let app = Router::new().mount(rare).mount(frequent);
    let service = Service::start(app.clone()).await;
    assert_eq!(call(&app, "/rare").await, 502);
    for _ in 0..100_000 {
        assert_eq!(call(&app, "/frequent/0").await, 200);
    }
    assert_eq!(ended(&service, "kept.frequent", |_| true).await.len(), 0);
    for number in 1..=100_000 {
        assert_eq!(call(&app, &format!("/frequent/{number}")).await, 503);
    }
    let rows = ended(&service, "kept.frequent", |_| true).await;
    let uris: Vec<_> = rows
        .iter()
        .map(|row| row["uri"].as_str().expect("a text"))
        .collect();
    let newest: Vec<_> = (0..8)
        .map(|back| format!("/frequent/{}", 100_000 - back))
        .collect();
    assert_eq!(uris, newest, "the newest, newest first");
    assert_eq!(ended(&service, "kept.rare", |_| true).await.len(), 1);
}

#[underscore_route(get, "/slow/{millis}", name = "kept.slow")]
async fn slow(Path(millis): Path<u64>) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// Holds 12.15 of docs/admin-api.md.
#[tokio::test]
async fn the_slowest_of_a_minute_are_kept() {
    let app = Router::new().mount(slow);
    let service = Service::start(app.clone()).await;
    service.set("kept.slow", "slow_after", "20ms").await;
    let calls = [60, 300, 30, 240, 90, 180, 120].map(|millis| {
        let app = app.clone();
        tokio::spawn(async move { call(&app, &format!("/slow/{millis}")).await })
    });
    for call in calls {
        assert_eq!(call.await.expect("it ends"), 200);
    }
    let mut rows = ended(&service, "kept.slow", |_| true).await;
    rows.sort_by_key(|row| row["uri"].as_str().map(str::len));
    let has = |millis: u64| {
        let uri = format!("/slow/{millis}");
        rows.iter().any(|row| row["uri"] == uri.as_str())
    };
    for millis in [300, 240, 180, 120] {
        assert!(has(millis), "{millis}: {rows:#?}");
    }
    // A new minute may have begun in between.
    assert!(rows.len() == 4 || rows.len() < 8, "{rows:#?}");
}

/// Holds 12.15 of docs/admin-api.md.
#[tokio::test]
async fn the_number_of_records_is_bounded_over_all_routes() {
    own_process!();
    let paths: Vec<String> = (0..400).map(|number| format!("/many/{number}")).collect();
    let app = paths.iter().fold(Router::new(), |app, path| {
        app.route(path, axum::routing::get(rare))
    });
    let service = Service::start(app.clone()).await;
    for path in &paths {
        for _ in 0..8 {
            assert_eq!(call(&app, path).await, 502);
        }
    }
    let rows = ended(&service, "_all", |_| true).await;
    assert_eq!(rows.len(), 1_000);
    let with_some = paths
        .iter()
        .filter(|path| rows.iter().any(|row| row["path"] == ***path));
    assert_eq!(with_some.count(), 400, "each route keeps some");
}

macro_rules! handler_with_awaits {
    ($($number:literal)*) => {
        #[underscore_route(get, "/long/{*rest}", name = "kept.long")]
        async fn long() {
            $(
                let _ = $number;
                tokio::time::sleep(Duration::from_millis(50)).await;
            )*
        }
    };
}

handler_with_awaits!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49);

/// Holds 12.16 of docs/admin-api.md.
#[tokio::test]
async fn a_record_is_bounded() {
    let app = Router::new().mount(long);
    let service = Service::start(app.clone()).await;
    let path = format!("/long/{}", "x".repeat(6_000));
    let mut request = Request::get(&path)
        .body(Body::empty())
        .expect("it is valid");
    for name in ["x-request-id", "x-opaque-id", "traceparent"] {
        let value = "y".repeat(5_000).parse().expect("it is valid");
        request.headers_mut().insert(name, value);
    }
    let response = app.oneshot(request).await.expect("it never fails");
    assert_eq!(response.status(), 200);
    let row = super::only(&service, "kept.long").await;
    for column in ["uri", "request_id", "x_opaque_id"] {
        assert_eq!(row[column].as_str().map(str::len), Some(1_024), "{column}");
    }
    let detail = super::detail(&service, &row).await;
    let awaits = detail["timeline"]["awaits"].as_array().expect("a list");
    assert_eq!(awaits.len(), 32, "{detail:#}");
    let others = &detail["timeline"]["others"];
    // A look may come too late for some.
    assert!(others["times"].as_u64() >= Some(1), "{detail:#}");
    assert!(others["total"].as_f64() > Some(0.0), "{detail:#}");
}
