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
use underscore_runtime::{AdminBuilder, underscore_route};

use support::{PATIENCE, Service};

/// Blocks its worker.
#[underscore_route(name = "blocks")]
pub async fn blocks() {
    tokio::task::yield_now().await;
    std::thread::sleep(Duration::from_secs(600));
}

/// Waits until its client leaves.
#[underscore_route(name = "waits")]
pub async fn waits() {
    std::future::pending::<()>().await;
}

pub fn app() -> Router {
    Router::new()
        .route("/blocks", get(blocks))
        .route("/waits", get(waits))
}

/// The options of a service that captures to a directory.
pub fn capturing(directory: &Path) -> AdminBuilder {
    AdminBuilder::new().capture_to(directory)
}

/// Blocks the only worker of a service for the rest of the process.
pub async fn block(service: &Service) {
    let mut blocking = service.connect().await;
    support::send(&mut blocking, "GET /blocks HTTP/1.1\r\nhost: x\r\n\r\n").await;
    std::mem::forget(blocking);
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
