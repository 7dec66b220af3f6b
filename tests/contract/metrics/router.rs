//! `metrics_router()`: the metrics on TCP, and nothing else.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use tower::ServiceExt;
use underscore_runtime::{RequestLayer, metrics_router};

use super::series::{OPEN, Series, TEXT, from_open, from_text, scrape};
use crate::support::Service;
use crate::support::process::own_process;

async fn ask(router: &Router, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).expect("a request");
    router.clone().oneshot(request).await.expect("an answer")
}

async fn text(response: Response) -> String {
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
    String::from_utf8(body.expect("it has a body").to_vec()).expect("it is text")
}

/// The series, without those of workers that have not been measured for long enough.
fn names(series: &Series) -> impl Iterator<Item = &(String, BTreeMap<String, String>)> {
    let is_lasting = |(name, _): &&(String, _)| name != "underscore_worker_busy_ratio";
    series.keys().filter(is_lasting)
}

/// Holds 7.43 of docs/admin-api.md.
#[tokio::test]
async fn the_router_for_prometheus_has_the_metrics_for_any_host_and_nothing_else() {
    own_process!();
    let service = Service::start(Router::new()).await;
    let router = metrics_router();
    for host in ["10.1.2.3:9000", "app-7.pods.cluster.example", "localhost"] {
        for path in ["/metrics", "/metrics/"] {
            let headers = [("host", host)];
            let answer = ask(&router, "GET", path, &headers).await;
            assert_eq!(answer.status(), 200, "{host} {path}");
            assert_eq!(answer.headers()["content-type"], TEXT);
            assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
            assert_eq!(answer.headers()["cache-control"], "no-store");
            let series = from_text(&text(answer).await);
            assert!(names(&series).eq(names(&scrape(&service).await)));
            let head = ask(&router, "HEAD", path, &headers).await;
            assert_eq!(
                (head.status().as_u16(), text(head).await),
                (200, String::new())
            );
            assert_eq!(ask(&router, "POST", path, &headers).await.status(), 405);
        }
    }
    let open = [("accept", "application/openmetrics-text")];
    let answer = ask(&router, "GET", "/metrics", &open).await;
    assert_eq!(answer.headers()["content-type"], OPEN);
    from_open(&text(answer).await);
    let answer = ask(&router, "GET", "/metrics?format=openmetrics", &[]).await;
    assert_eq!(answer.headers()["content-type"], OPEN);
    assert_eq!(
        ask(&router, "GET", "/metrics?h=id", &[]).await.status(),
        400
    );

    // A page of another site cannot read it.
    let foreign = [("host", "app.example"), ("origin", "http://evil.example")];
    assert_eq!(
        ask(&router, "GET", "/metrics", &foreign).await.status(),
        403
    );

    for path in ["/", "/_metrics", "/_cat/tasks", "/_routes", "/metrics/x"] {
        assert_eq!(ask(&router, "GET", path, &[]).await.status(), 404, "{path}");
    }
    // It leaves the fallback of a service alone.
    let missing = || async { "the service's own" };
    let app = Router::new().fallback(missing).merge(router);
    let app = app.layer(RequestLayer::new());
    assert_eq!(
        text(ask(&app, "GET", "/x", &[]).await).await,
        "the service's own"
    );
    assert_eq!(ask(&app, "GET", "/metrics", &[]).await.status(), 200);
}
