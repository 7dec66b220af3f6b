//! `GET /_bundle`, and the bundles that a service writes by itself. Findings and captures are those
//! of a process, so most tests have a process of their own. Archives are read by the system's `tar`.

#![allow(missing_docs, unreachable_pub)]

mod bounds;
mod bundle;
mod captured;
mod killed;
mod limits;
mod redaction;
#[path = "../support/mod.rs"]
mod support;
mod unpacked;
mod unwritable;

use std::path::Path;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use serde_json::Value;
use tokio::net::TcpStream;
use underscore_runtime::{AdminBuilder, underscore_route};

use support::gate::Gate;
use support::{PATIENCE, Service};

/// Opened to release the handler `blocks`.
pub static BLOCKING: Gate = Gate::new();

/// Blocks its worker.
#[underscore_route(name = "blocks")]
pub async fn blocks() {
    tokio::task::yield_now().await;
    BLOCKING.wait();
}

/// Blocks its worker for the rest of the process.
#[underscore_route(name = "blocks.again")]
pub async fn blocks_again() {
    tokio::task::yield_now().await;
    Gate::new().wait();
}

/// Waits until its client leaves.
#[underscore_route(name = "waits")]
pub async fn waits() {
    std::future::pending::<()>().await;
}

pub fn app() -> Router {
    Router::new()
        .route("/blocks", get(blocks))
        .route("/blocks/again", get(blocks_again))
        .route("/waits", get(waits))
}

/// The options of a service that captures to a directory.
pub fn capturing(directory: &Path) -> AdminBuilder {
    AdminBuilder::new().capture_to(directory)
}

/// A service with one worker that captures to a directory.
pub async fn start(admin: AdminBuilder) -> Service {
    Service::start_on_workers_with(1, app(), admin).await
}

/// Blocks the only worker of a service, with a request for this path and query.
pub async fn block(service: &Service, uri: &str) -> TcpStream {
    let mut blocking = service.connect().await;
    let head = format!("GET {uri} HTTP/1.1\r\nhost: x\r\nx-request-id: header-7\r\n\r\n");
    support::send(&mut blocking, &head).await;
    blocking
}

/// Waits until all workers have been blocked for this long.
pub async fn wait_for_red(service: &Service, seconds: f64) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let report = service.admin_json("_health_report").await;
        let finding = &report["indicators"]["workers"]["findings"][0];
        let since = finding["since_millis"].as_f64().unwrap_or_default();
        if finding["status"] == "red" && since >= 1000.0 * seconds {
            return;
        }
        assert!(Instant::now() < deadline, "{report:#}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until `is_it` holds for the rows of `_cat/captures`, and returns them.
pub async fn wait_for_captures(service: &Service, is_it: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let rows = service.admin_json("_cat/captures?format=json&h=*").await;
        let rows = rows.as_array().expect("a table").clone();
        if is_it(&rows) {
            return rows;
        }
        assert!(Instant::now() < deadline, "{rows:#?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// True if there is one capture, and it is complete.
pub fn is_one_complete(rows: &[Value]) -> bool {
    matches!(rows, [row] if row["complete"] == true)
}

/// The events of type `capture`.
pub async fn events(service: &Service) -> Vec<Value> {
    let events = service.admin("_events?type=capture").await;
    assert_eq!(events.status, 200);
    let lines = events.text.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("an event"))
        .collect()
}
