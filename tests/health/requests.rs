//! Routes whose requests fail.

use axum::Router;
use axum::extract::Query;
use axum::http::StatusCode;
use reqwest::Method;
use serde::Deserialize;
use underscore_runtime::{RouterExt as _, underscore_route};

use crate::support::Service;
use crate::support::process::own_process;
use crate::{health, text, wait_for};

#[derive(Deserialize)]
struct End {
    end: Option<String>,
}

#[underscore_route(get, "/charge", name = "charge")]
async fn charge(Query(End { end }): Query<End>) -> StatusCode {
    match end.as_deref() {
        // Without a message, whose backtrace takes long to write.
        Some("panic") => std::panic::resume_unwind(Box::new("told to")),
        Some("error") => StatusCode::BAD_GATEWAY,
        _ => StatusCode::OK,
    }
}

async fn charges(service: &Service, query: &str, times: usize) {
    for _ in 0..times {
        let path = format!("/charge{query}");
        // A panic closes the connection.
        let _ = service.request(Method::GET, &path).send().await;
    }
}

/// Holds 14.13 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_that_begins_to_fail_is_found_and_one_panic_is_not() {
    own_process!();
    let service = Service::start(Router::new().mount(charge)).await;
    charges(&service, "", 500).await;
    charges(&service, "?end=panic", 1).await;
    charges(&service, "", 500).await;
    service.wait_for("charge", "stats.req.total", 1_001).await;
    let rows = health(&service).await;
    assert_eq!(rows[0]["status"], "green", "{rows:#?}");

    charges(&service, "?end=error", 100).await;
    let failing = wait_for(&service, |row| row["symptom"] == "failing").await;
    assert_eq!(failing["status"], "yellow");
    assert_eq!(failing["subject"], "/charge");
    assert_eq!(
        text(&failing, "evidence"),
        "101 of 1101 requests failed in the last minute: 100 answered 5xx, 1 panicked; before: 0.0 %"
    );
    assert_eq!(failing["next"], "GET /_cat/ended/charge?v&size=20");
    assert_eq!(failing["affected"], 101);
}
